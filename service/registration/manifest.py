"""What the service itself asks of a Hub, whatever runs in it. Plain data."""

CUSTOM_SCOPES = {"custom:service:metrics": {"description": "Read the service's figures at /metrics"}}
