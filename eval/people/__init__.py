"""Dressed synthetic people of every kind, filmed: what a generator is pretrained on before it meets anybody real."""
