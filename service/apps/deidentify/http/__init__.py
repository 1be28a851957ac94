"""De-identification over HTTP."""
