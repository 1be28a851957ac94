"""De-identification over HTTP: the API and the pages."""
