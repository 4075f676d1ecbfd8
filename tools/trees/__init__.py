"""What a directory is, next to the files: scanned, read, staged and changed, on any host."""
