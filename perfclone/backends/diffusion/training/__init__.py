"""Teaching a base who the actor is."""
