// Starts Swagger UI, and adds the XSRF token to its requests. The service refuses our cookie without it.
"use strict";

const xsrfToken = document.querySelector('meta[name="xsrf-token"]')?.content;
const container = document.getElementById("swagger-ui");
const config = JSON.parse(container.dataset.config);

const ui = SwaggerUIBundle({
  domNode: container,
  url: config.url,
  oauth2RedirectUrl: config.oauth2RedirectUrl,
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  // Show the curl command without the XSRF token: a shell has no cookie, and a screenshot must not show the token.
  showMutatedRequest: false,
  requestInterceptor: (request) => {
    if (xsrfToken && new URL(request.url, window.location.href).origin === window.location.origin) {
      request.headers["X-XSRFToken"] = xsrfToken;
    }
    return request;
  },
});

// Where nobody signs in, there is no client.
if (config.clientId !== undefined) {
  ui.initOAuth({
    clientId: config.clientId,
    usePkceWithAuthorizationCodeGrant: true,
    ...(config.scopes && { scopes: config.scopes }), // these are selected at the start
  });
}
