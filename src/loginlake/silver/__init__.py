"""silver: no repeats, no nulls, everything else accounted for."""
