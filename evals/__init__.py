"""How well the models understand, and how fast: cases, predictions, scores."""
