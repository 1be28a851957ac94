"""`python -P -m service doctor`: checks everything around the service, and says what to change."""
