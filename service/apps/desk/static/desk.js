// Optional improvements of the desk's pages: times in the reader's time zone, and a warning before typed text is lost.
"use strict";

for (const element of document.querySelectorAll("main time[datetime]")) {
  const at = new Date(element.dateTime);
  element.title = element.textContent;
  element.textContent = at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

for (const form of document.querySelectorAll("form[data-draft]")) {
  const typed = () => new URLSearchParams(new FormData(form)).toString();
  const before = form.dataset.draft === "unsaved" ? null : typed();
  let isSent = false;
  form.addEventListener("submit", () => { isSent = true; });
  window.addEventListener("beforeunload", (event) => {
    if (!isSent && typed() !== before) event.preventDefault();
  });
}
