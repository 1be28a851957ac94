"""Hub authentication for FastAPI applications: credentials, guards, sign-in, tokens."""
