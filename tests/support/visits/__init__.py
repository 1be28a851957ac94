"""An application outside of `service`: it counts visits. See `tests/unit/test_application.py`."""
