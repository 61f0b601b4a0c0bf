"""Verifying a video: was it made here, and was it changed? The finding (`verdict`) and its words are apart."""
