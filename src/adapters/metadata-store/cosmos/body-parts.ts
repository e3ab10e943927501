/**
 * How many UTF-16 units of a body one item holds. A body is JSON itself: inside an item's JSON each of its units takes 3 bytes at most (a quotation mark or
 * a backslash 2), so that this is 1.5 MB of the 2 MB that an item may have, and leaves room for the rest of it.
 */
const MOST = 500_000;

export function fitsInOne(body: string): boolean {
  return body.length <= MOST;
}

/** The body in pieces that fit, in their order; no character is cut. */
export function chunksOf(body: string): readonly string[] {
  const chunks: string[] = [];
  for (let start = 0; start < body.length; ) {
    let end = Math.min(body.length, start + MOST);
    if (end < body.length && isLowSurrogate(body.charCodeAt(end))) end -= 1;
    chunks.push(body.slice(start, end));
    start = end;
  }
  return chunks;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
