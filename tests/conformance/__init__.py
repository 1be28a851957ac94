"""JupyterHub's own tests of service authentication, run against our service."""
