"""Consent, marks, credentials and the ledger: what stands between this technique and its misuse."""
