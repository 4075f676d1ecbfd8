"""What the scan can write: files that are made of what it found. Pure: text from data, no machine."""
