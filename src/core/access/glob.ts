/**
 * Whether all of the text fits the glob: `*` stands for any characters or none, `?` for exactly one, everything else for itself.
 * Needs at most glob length times text length steps, so that no glob can stop the process (S34).
 */
export function matchesGlob(glob: string, text: string): boolean {
  let at = 0;
  let seen = 0;
  let star = -1;
  let retryFrom = 0;
  while (seen < text.length) {
    if (glob[at] === '*') {
      star = at;
      retryFrom = seen;
      at += 1;
    } else if (at < glob.length && (glob[at] === '?' || glob[at] === text[seen])) {
      at += 1;
      seen += 1;
    } else if (star >= 0) {
      retryFrom += 1;
      at = star + 1;
      seen = retryFrom;
    } else {
      return false;
    }
  }
  while (glob[at] === '*') at += 1;
  return at === glob.length;
}
