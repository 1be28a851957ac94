// Takes files from the reader's disk. A text becomes the note. A table is masked cell by cell, and given back as a file.
import { readTable, writeTable } from "./deidentify-csv.js";

const MAX_TABLE = 5 * 1024 * 1024; // bytes
const AT_ONCE = 3; // cells
const MAX_TRIES = 20; // of a cell
const FOR_A_WHILE = new Set([0, 429, 502, 503, 504]); // after these a cell is sent again
const OF_THE_CELL = new Set(["deadline_exceeded", "engine_failed", "language_unsupported", "note_refused", "note_too_large"]);
const MAX_TOLD = 5; // rows that are named

const readText = async (file, limit) => {
  if (!file.size) {
    throw new RangeError("This file is empty.");
  }
  if (file.size > limit) {
    throw new RangeError(`This file is too large. It may have ${limit.toLocaleString("en")} bytes.`);
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await file.arrayBuffer());
    if (!text.includes("\0")) {
      return text;
    }
  } catch (error) {
    if (!(error instanceof TypeError)) {
      throw new RangeError("The browser cannot read this file.");
    }
  }
  throw new RangeError("This file is not in UTF-8. Save it as UTF-8; in Excel, as “CSV UTF-8”.");
};

const save = (text, name) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name; // not the file's own: that may name a patient
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
};

const pause = (seconds, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });

// Sends a cell once. The status is 0 if the service cannot be reached.
const tryCell = async (address, body, signal) => {
  const headers = { Accept: "text/plain, application/problem+json" };
  try {
    const reply = await fetch(address, { method: "POST", body, headers, signal, redirect: "error", cache: "no-store" });
    const said = await reply.text();
    return { status: reply.status, said, wait: Number(reply.headers.get("Retry-After")) };
  } catch (error) {
    if (signal.aborted || !(error instanceof TypeError)) {
      throw error;
    }
    return { status: 0, said: "" };
  }
};

const problemOf = (said) => {
  try {
    return JSON.parse(said) ?? {};
  } catch {
    return {}; // a page of a proxy
  }
};

// Sends a cell. Returns its masked text, or what is wrong with it. Throws what concerns all cells.
const sendCell = async (address, fields, text, signal) => {
  const body = new URLSearchParams(fields);
  body.set("text", text);
  body.set("as", "file");
  for (let tries = 1; ; tries += 1) {
    const { status, said, wait } = await tryCell(address, body, signal);
    if (status === 200) {
      return { text: said };
    }
    const { code, detail } = problemOf(said);
    if (OF_THE_CELL.has(code)) {
      return { problem: detail };
    }
    if (!FOR_A_WHILE.has(status) || tries === MAX_TRIES) {
      throw new RangeError(detail ?? (status ? `The service answers ${status}.` : "The service cannot be reached."));
    }
    await pause(Math.min(wait || tries, 30), signal);
  }
};

// Masks texts, a few at once. `onDone` is told how many are done. Blank ones stay.
const sendCells = async (address, fields, texts, { signal, onDone }) => {
  const results = texts.map((text) => ({ text }));
  const waiting = [...texts.keys()].filter((index) => texts[index].trim());
  let done = texts.length - waiting.length;
  const work = async () => {
    while (waiting.length) {
      const index = waiting.shift();
      results[index] = await sendCell(address, fields, texts[index], signal);
      done += 1;
      onDone(done);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results;
};

const summary = (results, rows) => {
  const failed = rows.filter((_, index) => results[index].problem !== undefined);
  const said = `The file deidentified.csv is made, with ${results.length.toLocaleString("en")} rows.`;
  if (!failed.length) {
    return `${said} Read it before you share it.`;
  }
  const [first] = results.filter(({ problem }) => problem !== undefined);
  const numbers = failed.slice(0, MAX_TOLD).map(({ number }) => number).join(", ");
  const more = failed.length > MAX_TOLD ? ` and ${failed.length - MAX_TOLD} more` : "";
  return `${said} The cell is empty in row ${numbers}${more}: ${first.problem.split(". ", 1)[0].replace(/\.$/, "")}.`;
};

export const watchFiles = (form) => {
  const [files, input, said, table, column, mask, stop, progress] = [
    "files", "file", "file-said", "table", "column", "mask-table", "stop-table", "table-progress",
  ].map((id) => document.getElementById(id));
  let text = "";
  let parsed = null;
  let running = null;

  const setBusy = (controller) => {
    const hasFocus = [mask, stop].includes(document.activeElement);
    running = controller;
    mask.hidden = Boolean(running);
    stop.hidden = progress.hidden = !running;
    input.disabled = column.disabled = Boolean(running);
    if (hasFocus) {
      (running ? stop : mask).focus();
    }
    window.onbeforeunload = running ? () => true : null; // the browser asks: what is masked so far would be lost
  };

  const takeTable = async (file) => {
    text = await readText(file, MAX_TABLE);
    parsed = readTable(text);
    const names = parsed.rows[0].cells.map((cell) => cell.text);
    column.replaceChildren(...names.map((name, index) => new Option(name || `Column ${index + 1}`, index)));
    column.selectedIndex = Math.max(0, names.findIndex((name) => /note|text/i.test(name)));
    table.hidden = false;
    said.textContent = `The table has ${(parsed.rows.length - 1).toLocaleString("en")} rows.`;
  };

  const takeNote = async (file) => {
    const field = form.elements.text;
    const note = (await readText(file, Number(form.dataset.noteSize))).replace(/^\ufeff/, "").replace(/\r\n?/g, "\n");
    const isKept = field.value.trim() && field.value !== note && !confirm("Replace the note with the text of the file?");
    if (!isKept) {
      field.value = note;
    }
    said.textContent = isKept ? "The note stays as it was." : "The text of the file is in the field.";
  };

  const take = async (file) => {
    table.hidden = true;
    try {
      if (/\.csv$/i.test(file.name)) {
        await takeTable(file);
      } else if (/\.txt$/i.test(file.name)) {
        await takeNote(file);
      } else {
        said.textContent = "Only files that end in .txt or .csv can be taken.";
      }
    } catch (error) {
      said.textContent = error.message;
    }
  };

  const maskTable = async () => {
    setBusy(new AbortController());
    const { signal } = running;
    const rows = parsed.rows.slice(1);
    const index = Number(column.value);
    progress.max = rows.length;
    progress.value = 0;
    said.textContent = "";
    try {
      const texts = rows.map((row) => row.cells[index].text);
      const onDone = (done) => (progress.value = done);
      const results = await sendCells(form.action, new FormData(form), texts, { signal, onDone });
      save(writeTable(text, parsed, index, results.map((result) => result.text ?? "")), "deidentified.csv");
      said.textContent = summary(results, rows);
    } catch (error) {
      const why = error instanceof RangeError ? error.message : "The service cannot be reached.";
      said.textContent = `${signal.aborted ? "Stopped." : why} No file was made.`;
      running.abort();
    } finally {
      setBusy(null);
    }
  };

  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  files.hidden = false;
  input.addEventListener("click", () => (input.value = "")); // so that the same file can be chosen again
  input.addEventListener("change", () => input.files.length && take(input.files[0]));
  document.addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (hasFiles(event)) {
      event.preventDefault(); // else the browser opens the file in the place of the page
      if (!running && event.dataTransfer.files.length) {
        input.value = "";
        take(event.dataTransfer.files[0]);
      }
    }
  });
  mask.addEventListener("click", maskTable);
  stop.addEventListener("click", () => running?.abort());
};
