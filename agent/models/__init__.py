"""Who understands: one interface, several models."""
