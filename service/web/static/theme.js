// Uses the light or dark theme that the reader chose in the Hub (its static/js/darkmode.js), or that of their system.
"use strict";

{
  let chosen = null;
  try {
    chosen = window.localStorage.getItem("jupyterhub-bs-theme");
  } catch {
    // The browser may block storage. Then the theme of the system is used.
  }
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const follow = () => {
    const isDark = chosen ? chosen === "dark" : system.matches;
    document.documentElement.style.colorScheme = isDark ? "dark" : "light";
    document.documentElement.classList.toggle("dark-mode", isDark); // the class that Swagger UI's style uses
  };
  system.addEventListener("change", follow);
  follow();
}
