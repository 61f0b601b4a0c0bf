"""The benchmark: every method, ours and the baselines, on every clip of a suite at equal minutes."""
