"""How the offline model's encoder is trained: cases to labels, growth, the encoder, its file and its card."""
