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
  // Swagger UI nests a link in the button that opens an operation. Some screen readers then find neither.
  plugins: [
    { wrapComponents: { DeepLink: (_, { React }) => ({ text }) => React.createElement("span", null, text) } },
  ],
  // Show the curl command without the XSRF token: a shell has no cookie, and a screenshot must not show the token.
  showMutatedRequest: false,
  requestInterceptor: (request) => {
    if (xsrfToken && new URL(request.url, window.location.href).origin === window.location.origin) {
      request.headers["X-XSRFToken"] = xsrfToken;
    }
    return request;
  },
});

// What Swagger UI leaves out for people who use a keyboard or a screen reader.
const complete = () => {
  container.querySelector(".close-modal:not([aria-label])")?.setAttribute("aria-label", "Close");
  for (const scrolling of container.querySelectorAll(".microlight:not([tabindex])")) scrolling.tabIndex = 0;
  for (const button of container.querySelectorAll(".auth-btn-wrapper [aria-label]")) {
    // Whoever speaks to the browser says what is written on the button.
    const [shown, name] = [button.textContent, button.getAttribute("aria-label")];
    if (!name.startsWith(shown)) button.setAttribute("aria-label", `${shown}: ${name}`);
  }
};
new MutationObserver(complete).observe(container, {
  subtree: true, childList: true, characterData: true, attributeFilter: ["aria-label"],
});

// Where nobody signs in, there is no client.
if (config.clientId !== undefined) {
  ui.initOAuth({
    clientId: config.clientId,
    usePkceWithAuthorizationCodeGrant: true,
    ...(config.scopes && { scopes: config.scopes }), // these are selected at the start
  });
}
