import { quoted } from './invalid-value.ts';

/**
 * What Kubernetes puts into every container for a Service called `keyhold` (or `keyhold-…`): host and port variables in the style of
 * Docker links (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
 */
const INJECTED_BY_KUBERNETES = /^KEYHOLD_(?:(?:[0-9A-Z_]+_)?SERVICE_HOST|(?:[0-9A-Z_]+_)?SERVICE_PORT(?:_[0-9A-Z_]+)?|PORT(?:_[0-9A-Z_]+)?|[0-9A-Z_]+_PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/u;

/** A warning for each `KEYHOLD_*` name that nobody reads, with the nearest name that somebody does. */
export function unknownNames(names: readonly string[], known: readonly string[]): readonly string[] {
  const knownNames = new Set(known);
  return names
    .filter((name) => name.startsWith('KEYHOLD_') && !knownNames.has(name) && !INJECTED_BY_KUBERNETES.test(name))
    .map((name) => `${unquoted(name)} is not a setting of this version and is ignored. The nearest one is ${nearest(name, known)}.`);
}

function unquoted(name: string): string {
  return quoted(name).slice(1, -1);
}

/** The name with the fewest letters to change; the first of several. */
export function nearest(name: string, known: readonly string[]): string {
  let best = known[0] ?? '';
  let fewest = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const changes = distance(name, candidate);
    if (changes < fewest) [best, fewest] = [candidate, changes];
  }
  return best;
}

/** Levenshtein distance: letters inserted, removed or replaced. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 0; i < a.length; i += 1) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j += 1) {
      const replaced = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
