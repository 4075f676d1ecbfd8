"""Finding the moment that a person means, in snapshots and journal: shared by rewind, drift and history."""
