"""Two directories that stay the same: an engine with an ancestor, pure where it decides."""
