"""What runs on the other machine: LocalHost, served over standard input and output."""
