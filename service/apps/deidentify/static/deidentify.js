// Copies the masked note. Where the page does not come by https, browsers have the old way only.
"use strict";

{
  const button = document.getElementById("copy");
  const masked = document.getElementById("masked");

  const copyOld = (text) => {
    const fill = (event) => {
      event.clipboardData.setData("text/plain", text);
      event.preventDefault();
    };
    document.addEventListener("copy", fill, { once: true });
    return document.execCommand("copy");
  };

  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return copyOld(text);
    }
  };

  if (button) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const said = document.getElementById("copied");
      said.textContent = (await copy(masked.textContent)) ? "Copied." : "The browser refuses. Select the text instead.";
    });
  }
}
