"""Files too long to be made while somebody waits: made by a worker in the background, with progress."""
