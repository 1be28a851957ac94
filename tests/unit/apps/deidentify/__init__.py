"""The room that hides the person."""
