"""The commands of `perfclone`, one file each: its arguments (`add`) and what it does (`run`)."""
