// Finds the place in the note that was sent for a place in the masked note. Places in the note count code points.

const LETTER = /[\p{L}\p{N}\p{M}]/u;

// The places of a masked part: where it stood in the note.
export const placesOf = (mark) => [Number(mark.dataset.start), Number(mark.dataset.end)];

// The masked part that a node belongs to, or null. What was there is shown before the part, in a `del`.
export const markOf = (node) => {
  const element = node instanceof Element ? node : node.parentElement;
  return element.closest("del")?.nextElementSibling ?? element.closest("mark");
};

const placeOf = (masked, node, offset, side) => {
  const mark = node === masked ? null : markOf(node);
  if (mark) {
    return placesOf(mark)[side];
  }
  const [before, text] = node === masked ? [masked.childNodes[offset - 1], ""] : [node.previousSibling, node.data.slice(0, offset)];
  let length = [...text].length;
  for (let each = before; each; each = each.previousSibling) {
    if (each.localName === "mark") {
      return placesOf(each)[1] + length;
    }
    length += each.localName === "del" ? 0 : [...each.data].length;
  }
  return length;
};

// The words that a range touches: where they stand in the note, an array of its code points. Empty if start is end.
export const wordsOf = (masked, range, note) => {
  let start = placeOf(masked, range.startContainer, range.startOffset, 0);
  let end = placeOf(masked, range.endContainer, range.endOffset, 1);
  while (start < end && !LETTER.test(note[start])) {
    start += 1;
  }
  while (end > start && !LETTER.test(note[end - 1])) {
    end -= 1;
  }
  while (start < end && start > 0 && LETTER.test(note[start - 1])) {
    start -= 1;
  }
  while (end > start && end < note.length && LETTER.test(note[end])) {
    end += 1;
  }
  return [start, end];
};
