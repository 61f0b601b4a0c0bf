"""Scoring a video beside the truth, frame by frame: regions, meters, and the one stream that feeds them."""
