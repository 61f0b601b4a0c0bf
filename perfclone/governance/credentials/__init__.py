"""Content credentials (C2PA): certificates, signing a finished file, reading what a file carries."""
