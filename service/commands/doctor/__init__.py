"""`python -P -m service doctor`: is everything around the service as it needs it, and if not, what is to be changed?"""
