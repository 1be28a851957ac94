"""A FastAPI service that runs beside a JupyterHub. Its callers sign in with their Hub account."""

__version__ = "0.1.0"
