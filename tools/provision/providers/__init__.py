"""One file per package manager: check, plan, apply, inverse."""
