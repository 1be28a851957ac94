"""Measures de-identification on notes whose identifiers somebody has marked."""
