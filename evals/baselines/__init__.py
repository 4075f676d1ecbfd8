"""What anybody could do in an afternoon: what the model is compared with."""
