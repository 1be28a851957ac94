// Runs Swagger UI's own script, which passes the code on. Only if Swagger UI opened this window: it fails otherwise.
"use strict";

if (window.opener?.swaggerUIRedirectOauth2) {
  const script = document.createElement("script");
  script.src = document.currentScript.dataset.script;
  document.head.append(script);
}
