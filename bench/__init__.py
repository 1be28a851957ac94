"""Measurements, each started as `python -m bench.<name>`; `script/bench` runs them all."""
