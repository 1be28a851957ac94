"""Runs engines in processes of their own, with a queue and a deadline."""
