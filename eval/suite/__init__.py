"""The suite: clips with exact truth, rendered once and known by their hash, and what P finds in them."""
