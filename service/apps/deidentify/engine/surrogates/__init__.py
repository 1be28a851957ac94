"""Believable names, places, numbers and dates in the places of the real ones."""
