"""Removing for good what EnvSync made."""
