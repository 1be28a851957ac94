"""Who is this? Asking a JupyterHub about the callers of a service, without knowing the web framework."""
