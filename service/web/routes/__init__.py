"""Routes of our own application: start page, health, metrics, docs."""
