"""Consent: the signed record of what a person agreed to, its rules and usual kinds, and revocations noted here."""
