"""Runs engines in separate processes, with a queue and a deadline for each note."""
