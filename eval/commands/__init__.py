"""The commands of `perfclone eval`, one file each."""
