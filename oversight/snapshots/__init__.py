"""A view of the explorer frozen as it stood: kept with its hash, opened unchanged, and compared with today."""
