/** Texts that say whose they are, so that one of them in the wrong place shows by itself. */
const MARK = /zq[0-9a-z]{6}qz/g;
const SECRET = /sk-test-zq[0-9a-z]{6}qz-\w+/g;
/** Long enough for a mark in base64, with its neighbours. */
const ENCODED = /[A-Za-z0-9_+/-]{16,}/g;

let count = 0;

export function newMark(): string {
  count += 1;
  return `zq${count.toString(36).padStart(6, '0')}qz`;
}

/** A provider's key of whoever has this mark; a new one each time. */
export function newSecret(mark: string): string {
  count += 1;
  return `sk-test-${mark}-${count.toString(36)}0123456789`;
}

export function markIn(text: string): string | undefined {
  return marksIn(text)[0];
}

/** Also what stands there in base64, in either alphabet. */
export function marksIn(text: string): readonly string[] {
  const decoded = [...text.matchAll(ENCODED)].map(([word]) => Buffer.from(word, 'base64').toString('latin1'));
  return [...new Set([text, ...decoded].flatMap((read) => [...read.matchAll(MARK)].map(([mark]) => mark)))];
}

/** Keys of providers, whole. */
export function secretsIn(text: string): readonly string[] {
  return [...text.matchAll(SECRET)].map(([secret]) => secret);
}
