"""Make the environment what is asked."""
