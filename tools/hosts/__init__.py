"""The door to a machine."""
