"""How good a clone is: metrics, baselines, and synthetic people with ground truth."""
