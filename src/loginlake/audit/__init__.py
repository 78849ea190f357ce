"""audit: every origin in exactly one end, shown by reading the layers again; what is wrong is named exactly."""
