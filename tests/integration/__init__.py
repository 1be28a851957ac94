"""What only a real Hub, with its real proxy, can show."""
