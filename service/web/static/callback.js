// Lets Swagger UI's own script hand the code on, if Swagger UI opened this window; it fails in a tab that was reloaded.
"use strict";

if (window.opener?.swaggerUIRedirectOauth2) {
  const script = document.createElement("script");
  script.src = document.currentScript.dataset.script;
  document.head.append(script);
}
