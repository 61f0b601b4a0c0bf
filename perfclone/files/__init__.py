"""Files: written whole or not at all (`writing`), and read although others may have made them (`reading`)."""
