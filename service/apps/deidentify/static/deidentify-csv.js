// Reads a table of text (RFC 4180), and writes it with other cells in one column. Everything else keeps its bytes.

const SEPARATORS = [",", ";", "\t"];
const MAX_COLUMNS = 1000;
// Excel's own first line, which names the separator.
const SEP_LINE = /^\ufeff?sep=([^"\r\n])(?:\r\n|\r|\n)/i;

// The separator that the first row with a cell has most of, outside of quotes.
const separatorOf = (text) => {
  const first = text.replace(/^[\ufeff\r\n]+/, "").replace(/"[^"]*"/g, "").split(/[\r\n]/, 1)[0];
  const counts = SEPARATORS.map((each) => first.split(each).length);
  return SEPARATORS[counts.indexOf(Math.max(...counts))];
};

// The end of the quoted cell that begins at `start`, or -1.
const endOfQuoted = (text, start) => {
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 2)) {
    if (text[at + 1] !== '"') {
      return at + 1;
    }
  }
  return -1;
};

const endOfPlain = (text, start, separator) => {
  let end = start;
  while (end < text.length && text[end] !== separator && text[end] !== "\r" && text[end] !== "\n") {
    end += 1;
  }
  return end;
};

// Reads one cell: its place, and its text. `row` is for the message.
const cellAt = (text, start, separator, row) => {
  if (text[start] !== '"') {
    const end = endOfPlain(text, start, separator);
    return { start, end, text: text.slice(start, end) };
  }
  const end = endOfQuoted(text, start);
  if (end < 0) {
    throw new RangeError(`A quote in row ${row} is never closed.`);
  }
  if (end < text.length && ![separator, "\r", "\n"].includes(text[end])) {
    throw new RangeError(`Row ${row} has text after a closing quote.`);
  }
  return { start, end, text: text.slice(start + 1, end - 1).replaceAll('""', '"') };
};

// Returns the separator and the rows, the header among them. Each row has its number, from 1, and its cells. Blank
// rows are left out. Throws RangeError if the text is no table; the message is for people, and has no text of a cell.
export const readTable = (text) => {
  const named = SEP_LINE.exec(text);
  const separator = named?.[1] ?? separatorOf(text);
  const rows = [];
  let cells = [];
  let at = named?.[0].length ?? (text.startsWith("\ufeff") ? 1 : 0);
  for (let number = named ? 2 : 1; at < text.length || cells.length; ) {
    const cell = cellAt(text, at, separator, number);
    if (cells.push(cell) > MAX_COLUMNS) {
      throw new RangeError(`Row ${number} has too many cells. A table may have ${MAX_COLUMNS.toLocaleString("en")} columns.`);
    }
    at = cell.end + 1;
    if (text[cell.end] !== separator) {
      at += text.startsWith("\r\n", cell.end) ? 1 : 0;
      if (cells.length > 1 || cell.end > cell.start) {
        rows.push({ number, cells });
      }
      number += 1;
      cells = [];
    }
  }
  const width = rows[0]?.cells.length ?? 0;
  const odd = rows.find((row) => row.cells.length !== width);
  if (odd) {
    throw new RangeError(`Row ${odd.number} has ${odd.cells.length} cells, and the first row ${width}.`);
  }
  if (rows.length < 2) {
    throw new RangeError("The table has no row below the names of its columns.");
  }
  return { separator, rows };
};

// `isAlone`: in a table of one column, where a row of an empty cell would be a blank row.
const written = (cell, old, separator, isAlone) => {
  const isQuoted = old === '"' || (isAlone && !cell) || cell.includes(separator) || /["\r\n]/.test(cell);
  return isQuoted ? `"${cell.replaceAll('"', '""')}"` : cell;
};

// Returns the text with `cells` in the place of those of a column, from the first row below the header on.
export const writeTable = (text, { separator, rows }, column, cells) => {
  const parts = [];
  let at = 0;
  rows.slice(1).forEach((row, index) => {
    const { start, end } = row.cells[column];
    parts.push(text.slice(at, start), written(cells[index], text[start], separator, row.cells.length === 1));
    at = end;
  });
  return [...parts, text.slice(at)].join("");
};
