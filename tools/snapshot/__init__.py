"""Record an environment, and take it back."""
