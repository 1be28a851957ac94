"""What Datasette finds in `--plugins-dir`."""
