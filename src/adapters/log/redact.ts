const REMOVED = '[removed]';

/**
 * What looks like a key, whatever it is doing in a log line. The allow-list of fields keeps values out; this is for the day on which
 * a library quotes one in an error. The names of secrets in a store (`tenants/acme/openai`) are no keys, and R3.9 has them after a colon.
 */
const keyLike: readonly { readonly pattern: RegExp; readonly replacement: string }[] = [
  { pattern: /kh_[gtps]_[\w-]+/gu, replacement: REMOVED },
  { pattern: /\b(?<scheme>bearer|basic)(?<space>\s+)[\w.~+/=-]{6,}/giu, replacement: `$<scheme>$<space>${REMOVED}` },
  { pattern: /\b(?<prefix>sk|pk|rk|xai|gsk|hf|hvs|hvb|ghp|gho|ghs|ghu|github_pat|glpat|xox[a-z]|AIza)[_.-]?[\w-]{12,}/gu, replacement: REMOVED },
  { pattern: /\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?/gu, replacement: REMOVED },
  // R3.9's own line `Cache hit for secret: {secret name}` holds a name, and is read by people.
  { pattern: /(?<name>(?<!\bCache hit for )(?:api[_-]?key|access[_-]?token|auth[_-]?token|secret|password|passwd|pwd|token|key)["']?\s*[=:]\s*["']?)(?!\[removed\]|(?:platform|tenants)\/[\w./-]+(?!\S))[^\s"'&,;}]{6,}/giu, replacement: `$<name>${REMOVED}` },
  { pattern: /(?<scheme>\b[a-z][\d+.a-z-]{0,20}:\/\/)[^\s/?#@]{1,1000}@/giu, replacement: `$<scheme>${REMOVED}@` },
];

/** A run that a random value could be; names of files and ids seldom mix digits, capitals and small letters for so long. */
const LONG_RUN = /[\w+-]{32,}/gu;

/** Removes what looks like a key from a sentence that we wrote. */
export function redactSentence(text: string): string {
  return keyLike.reduce((result, { pattern, replacement }) => result.replaceAll(pattern, replacement), text);
}

/** Removes what looks like a key or like anything random from a text that somebody else wrote: an error's message or stack. */
export function redactForeign(text: string): string {
  return redactSentence(text).replaceAll(LONG_RUN, (run) => (/\d/u.test(run) && /[a-z]/u.test(run) && /[A-Z]/u.test(run) ? REMOVED : run));
}
