"""A team that compares its environments: signed fingerprints in a folder or a branch that its people share."""
