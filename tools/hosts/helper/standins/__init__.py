"""Small replacements for compiled packages, for a Python that has nothing installed."""
