// Optional improvements of the desk's pages: times in the reader's time zone, one answer to a double click, and a warning
// before typed text is lost.
"use strict";

for (const element of document.querySelectorAll("main time[datetime]")) {
  const at = new Date(element.dateTime);
  element.title = element.textContent;
  element.textContent = at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

// A second click would make a second ticket or comment.
const AGAIN = 3000; // milliseconds
for (const form of document.querySelectorAll('form[method="post"]')) {
  let last = -Infinity;
  form.addEventListener("submit", (event) => {
    if (event.timeStamp - last < AGAIN) event.preventDefault();
    else last = event.timeStamp;
  });
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
