"""bronze: exactly what arrived."""
