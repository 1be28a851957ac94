"""Tests of service.testing: what it shows of a service is what a real Hub's users would see."""
