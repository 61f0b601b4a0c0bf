"""Files: written whole or not at all, read although others may have made them, locked against other processes."""
