"""The environment variable that tells notebooks where a service is. `register()` sets it, `service.client` reads it."""


def variable_for(service: str) -> str:
    """Return the variable for the service with this name at the Hub, such as `SERVICE_FASTAPI_URL`."""
    return f"SERVICE_{''.join(letter if letter.isalnum() else '_' for letter in service).upper()}_URL"
