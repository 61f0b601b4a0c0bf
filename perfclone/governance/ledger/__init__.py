"""The ledger: what was trained, cloned and decided here, each entry chained to the one before it."""
