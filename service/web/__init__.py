"""HTTP: translate a request, call a room, return."""
