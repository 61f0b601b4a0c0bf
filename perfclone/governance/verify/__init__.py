"""Verifying a video: was it made here, and was it changed? What is found (`findings`) and its words are apart."""
