"""Those who vouch for tokens beside the Hub."""
