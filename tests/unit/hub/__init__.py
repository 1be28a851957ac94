"""The room that knows who calls."""
