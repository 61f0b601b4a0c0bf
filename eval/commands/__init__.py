"""The commands of `python -m eval` that make a report, one file each."""
