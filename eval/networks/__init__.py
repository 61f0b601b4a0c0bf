"""The published networks that metrics need, in plain torch, with the weights that their packages carry."""
