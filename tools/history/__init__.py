"""The tool `history`."""
