// Says of each masked part what it is and which rule masked it. Runs again with words that should stay or go.
import { markOf, placesOf, wordsOf } from "./deidentify-places.js";

const LINE_ENDS = /[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+/; // as Python splits lines

// The masked note as text, without what was there.
export const textOf = (masked) =>
  [...masked.childNodes].filter((node) => node.localName !== "del").map((node) => node.textContent).join("");

const linesOf = (text) => text.split(LINE_ENDS).map((line) => line.trim()).filter(Boolean);

// Adds words to one list, takes them from the other, and sends the form.
const move = (form, words, { to, from }, run) => {
  const same = (one) => (other) => one.toLowerCase() === other.toLowerCase();
  const added = linesOf(words);
  const kept = linesOf(form.elements[to].value).filter((line) => !added.some(same(line)));
  form.elements[to].value = [...kept, ...added].join("\n");
  form.elements[from].value = linesOf(form.elements[from].value).filter((line) => !added.some(same(line))).join("\n");
  form.requestSubmit(run);
};

export const watchParts = (form, masked, run) => {
  const note = [...form.elements.text.defaultValue]; // what was sent, whatever is typed since
  const around = masked.parentElement;
  const bubble = document.getElementById("bubble");
  const [stay, go] = ["stay", "go"].map((id) => document.getElementById(id));
  const selection = document.getSelection();
  let words = ""; // what the buttons are about

  const hide = () => {
    bubble.hidden = true;
  };

  // Puts the bubble below the line that the pointer is on, so that the pointer gets there; else below the last one.
  const place = (rects, y) => {
    bubble.hidden = false;
    const outer = around.getBoundingClientRect();
    const rect = [...rects].find(({ top, bottom }) => top <= y && y <= bottom) ?? [...rects].at(-1);
    bubble.style.top = `${rect.bottom - outer.top}px`;
    bubble.style.left = `${Math.max(0, Math.min(rect.left - outer.left, outer.width - bubble.offsetWidth))}px`;
  };

  const show = (text, rects, { start, end, isMasked, y }) => {
    words = note.slice(start, end).join("");
    document.getElementById("bubble-text").textContent = text;
    stay.hidden = !isMasked;
    go.hidden = isMasked;
    place(rects, y);
  };

  const showMark = (mark, y) => {
    const [start, end] = placesOf(mark);
    const about = document.getElementById(mark.getAttribute("aria-describedby")).textContent;
    show(about.trim(), mark.getClientRects(), { start, end, isMasked: true, y });
  };

  const isSelected = () =>
    !selection.isCollapsed && masked.contains(selection.anchorNode) && masked.contains(selection.focusNode);

  // Shows what there is to show: a selection first, then the part that has the focus.
  const update = () => {
    if (isSelected()) {
      const range = selection.getRangeAt(0);
      const mark = range.commonAncestorContainer === masked ? null : markOf(range.commonAncestorContainer);
      const [start, end] = wordsOf(masked, range, note);
      if (mark) {
        showMark(mark);
      } else if (start < end) {
        show(`“${note.slice(start, end).join("")}”`, range.getClientRects(), { start, end, isMasked: false });
      } else {
        hide();
      }
    } else if (masked.contains(document.activeElement) && document.activeElement !== masked) {
      showMark(document.activeElement);
    } else if (!bubble.contains(document.activeElement)) {
      hide();
    }
  };

  const marks = [...masked.querySelectorAll("mark")];
  for (const mark of marks) {
    mark.tabIndex = -1;
    mark.removeAttribute("title"); // the bubble says it
  }

  const step = (by) => {
    const at = marks.indexOf(document.activeElement);
    const next = at < 0 ? marks.at(by > 0 ? 0 : -1) : marks[at + by];
    selection.removeAllRanges();
    next?.focus();
  };

  const extend = (by) => {
    if (!isSelected()) {
      const mark = marks.includes(document.activeElement) ? document.activeElement : null;
      const start = mark ? [masked, [...masked.childNodes].indexOf(mark) + (by > 0 ? 1 : 0)] : [masked, by > 0 ? 0 : masked.childNodes.length];
      selection.collapse(...start);
    }
    selection.modify("extend", by > 0 ? "forward" : "backward", "word");
    update();
  };

  masked.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by && !event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      (event.shiftKey ? extend : step)(by);
    } else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey && !bubble.hidden) {
      event.preventDefault();
      (stay.hidden ? go : stay).focus();
    }
  });
  around.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      selection.removeAllRanges();
      (marks.find((mark) => mark === document.activeElement) ?? masked).focus();
      hide();
    }
  });
  masked.addEventListener("focusin", update);
  masked.addEventListener("mouseover", ({ target, buttons, clientY }) => {
    const mark = target.closest("mark");
    if (mark && !buttons && !isSelected()) {
      showMark(mark, clientY);
    } else if (!buttons) {
      update();
    }
  });
  bubble.addEventListener("mousedown", (event) => event.preventDefault()); // what is selected or has the focus stays so
  masked.addEventListener("scroll", hide);
  around.addEventListener("mouseleave", ({ buttons }) => buttons || update());
  around.addEventListener("focusout", ({ relatedTarget }) => around.contains(relatedTarget) || hide());
  document.addEventListener("mouseup", ({ target }) => bubble.contains(target) || setTimeout(update)); // once the selection is there
  stay.addEventListener("click", () => move(form, words, { to: "allow", from: "deny" }, run));
  go.addEventListener("click", () => move(form, words, { to: "deny", from: "allow" }, run));

  const view = form.elements.view;
  const draw = () => {
    hide();
    for (const old of masked.querySelectorAll("del")) {
      old.remove();
    }
    for (const mark of view.checked ? marks : []) {
      const old = document.createElement("del");
      old.textContent = note.slice(...placesOf(mark)).join("");
      mark.before(old);
    }
  };
  view.addEventListener("change", draw);
  document.getElementById("view").hidden = document.getElementById("masked-hint").hidden = !marks.length;
  draw();
};
