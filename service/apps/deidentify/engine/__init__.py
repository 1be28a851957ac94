"""Finds and masks what identifies a person, in one note, in one process."""
