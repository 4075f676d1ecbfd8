"""Read an environment into a fingerprint."""
