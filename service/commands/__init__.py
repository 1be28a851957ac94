"""The commands of `python -P -m service`."""
