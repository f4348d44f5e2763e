"""Files that are filed with a subscription: what they are, where they lie, and who may add, fetch and remove them."""
