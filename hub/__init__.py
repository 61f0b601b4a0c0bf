"""Actors on the Hugging Face Hub: published, found, fetched, updated and withdrawn (`perfclone hub`)."""
