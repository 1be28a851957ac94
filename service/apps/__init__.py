"""The applications that come with the service. None knows another, and the core names none."""
