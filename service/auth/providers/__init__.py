"""Issuers of tokens other than the Hub."""
