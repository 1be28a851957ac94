"""An application of somebody else: it counts who visits. See `tests/unit/test_application.py`."""
