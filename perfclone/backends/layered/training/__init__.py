"""Training G of the layered backend: `loop` is the method; what it trains on is made by `prepare`."""
