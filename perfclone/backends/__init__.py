"""Backends: the ways of painting an actor, behind one interface."""
