"""The support desk: who may, and what happens."""
