"""Benchmarks: that they measure what they say."""
