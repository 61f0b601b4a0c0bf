"""The web page: choose an actor, choose a performance, clone."""
