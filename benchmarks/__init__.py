"""What we claim about speed and memory, for anyone to run."""
