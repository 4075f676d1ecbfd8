"""One file per ecosystem: what a project is and needs."""
