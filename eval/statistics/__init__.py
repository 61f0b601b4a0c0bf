"""How sure one may be: intervals and drift of one series over frames, and the difference of two in pairs."""
