"""Consent: the signed record of what a person agreed to (`record`), its fields, and records for what is nobody."""
