"""The support desk's room."""
