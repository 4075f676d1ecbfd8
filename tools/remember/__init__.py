"""The tool `remember`: keep a fact."""
