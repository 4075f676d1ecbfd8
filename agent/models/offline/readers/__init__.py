"""One file per tool: how a request for it begins, and how its arguments are read."""
