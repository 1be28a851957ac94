// The page that de-identifies a note. It works without scripts; these add what a form cannot do.
import { watchFiles } from "./deidentify-files.js";
import { watchParts, textOf } from "./deidentify-parts.js";

const form = document.getElementById("try");
const run = document.getElementById("run");

document.getElementById("shortcut").hidden = false;
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    form.requestSubmit(run);
  }
});

// Where the page does not come by https, browsers have the old way of copying only.
const copyOld = (text) => {
  const fill = (event) => {
    event.clipboardData.setData("text/plain", text);
    event.preventDefault();
  };
  document.addEventListener("copy", fill);
  const isCopied = document.execCommand("copy");
  document.removeEventListener("copy", fill);
  return isCopied;
};

const copy = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyOld(text);
  }
};

const masked = document.getElementById("masked");
if (masked) {
  const button = document.getElementById("copy");
  button.hidden = false;
  button.addEventListener("click", async () => {
    const said = document.getElementById("copied");
    said.textContent = (await copy(textOf(masked))) ? "Copied." : "The browser refuses. Select the text instead.";
  });
  watchParts(form, masked, run);
}
watchFiles(form);
