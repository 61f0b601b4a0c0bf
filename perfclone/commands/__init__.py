"""The commands of `python -m perfclone`, one file each: its arguments (`add`) and what it does (`run`)."""
