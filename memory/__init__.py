"""What is remembered: the record, and a rebuildable index of it."""
