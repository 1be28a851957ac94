"""The support desk over HTTP: its API as JSON and CSV."""
