"""The manifest of the service itself, in addition to those of its applications. Plain data."""

CUSTOM_SCOPES = {"custom:service:metrics": {"description": "Read the metrics of the service at /metrics"}}
