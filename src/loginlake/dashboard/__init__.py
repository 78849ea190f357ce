"""dashboard: gold, to a person's eyes."""
