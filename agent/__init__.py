"""The conversation: from words to approved, carried-out calls."""
