"""The tool `status`."""
