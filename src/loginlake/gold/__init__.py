"""gold: answers, ready to read."""
