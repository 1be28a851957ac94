"""What our own application adds to `service.auth`: pages, error responses, OpenAPI, middleware, routes."""
