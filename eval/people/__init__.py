"""Dressed synthetic people: those of every kind that a generator is pretrained on, and the two of the examples."""
