"""Databases, caches and queues for a project: a server of its own, private to it, and what its `.env` needs to reach it."""
