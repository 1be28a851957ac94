// Light or dark as the reader has it on the Hub's own pages (its static/js/darkmode.js), else as their system has it.
"use strict";

{
  let chosen = null;
  try {
    chosen = window.localStorage.getItem("jupyterhub-bs-theme");
  } catch {
    // A browser may keep storage from us; the system's choice stands then.
  }
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const follow = () => {
    const isDark = chosen ? chosen === "dark" : system.matches;
    document.documentElement.style.colorScheme = isDark ? "dark" : "light";
    document.documentElement.classList.toggle("dark-mode", isDark); // what Swagger UI's style goes by
  };
  system.addEventListener("change", follow);
  follow();
}
