"""How the Hub is told about the service."""
