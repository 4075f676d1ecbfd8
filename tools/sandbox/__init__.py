"""Throw-away machines with a lease, and the reaper that removes them when it ends."""
