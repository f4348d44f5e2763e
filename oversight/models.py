"""What a committee sees. Snapshots and rounds come with their capability; everything here is read from the left."""
