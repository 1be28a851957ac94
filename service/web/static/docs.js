// Starts Swagger UI. Requests signed by our cookie carry the session's XSRF token, or the service would not take them.
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
  // The curl line it shows is for a shell, which has no cookie, and for a screenshot, which must not show the token.
  showMutatedRequest: false,
  requestInterceptor: (request) => {
    if (xsrfToken && new URL(request.url, window.location.href).origin === window.location.origin) {
      request.headers["X-XSRFToken"] = xsrfToken;
    }
    return request;
  },
});

ui.initOAuth({
  clientId: config.clientId,
  usePkceWithAuthorizationCodeGrant: true,
  ...(config.scopes && { scopes: config.scopes }), // ticked from the beginning
});
