"""The commands of `perfclone hub`, one file each."""
