"""The content-addressed store: trees of files, captured, compared and restored."""
