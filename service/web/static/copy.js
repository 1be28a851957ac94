// Adds a button to each example that copies its text. Without scripts, the text can be selected as any other.
"use strict";

for (const example of document.querySelectorAll(".example")) {
  const text = example.querySelector("pre");
  const button = document.createElement("button");
  const status = document.createElement("span");
  button.type = "button";
  button.className = "outlined copy";
  button.textContent = "Copy";
  status.className = "unseen";
  status.setAttribute("role", "status");
  button.addEventListener("click", async () => {
    let done = "Copied";
    try {
      await navigator.clipboard.writeText(text.textContent);
    } catch {
      // There is no clipboard over plain http, or the browser refuses. Then the text is selected, ready for Ctrl+C.
      window.getSelection().selectAllChildren(text);
      done = "Selected";
    }
    button.textContent = status.textContent = done;
    setTimeout(() => {
      button.textContent = "Copy";
      status.textContent = "";
    }, 3000);
  });
  example.prepend(button, status);
}
