"""What EnvSync made on its own account (sandboxes, machines, later deployments): the ledger of it, and how each kind ends."""
