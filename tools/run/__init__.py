"""Run one command, argv, no shell."""
