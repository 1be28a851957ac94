"""A FastAPI service that lives beside a JupyterHub, which vouches for everyone who calls it."""

__version__ = "0.1.0"
