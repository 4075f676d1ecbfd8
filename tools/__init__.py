"""What can be done: typed tools, plans, transactions; no model, no graph, no screen."""
