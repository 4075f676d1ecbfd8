"""What differs between two fingerprints, how bad, and the fix."""
