import { tenantOf, tenantOrigin } from './notes/checkpoint.ts';
import { type KeyChange, openKeyChange } from './notes/key-change.ts';
import type { VerifierKey } from './notes/verifier-key.ts';

/**
 * The public keys to believe, given some: also those that a chain of changes leads to, each signed by the key before and the key after, in either
 * direction. Undefined when a note of a change is not signed by both, or leads to none of the keys: then somebody changed it.
 */
export function trustedKeys(given: readonly VerifierKey[], notes: readonly string[]): readonly VerifierKey[] | undefined {
  const trusted = [...given];
  let open = notes.map((note) => openKeyChange(note));
  while (open.length > 0) {
    const left = open.filter((change) => change === undefined || !follow(trusted, change));
    if (left.length === open.length) return undefined;
    open = left;
  }
  return trusted;
}

/** Takes in the other side of a change, if one side is believed. */
function follow(trusted: VerifierKey[], { from, to }: KeyChange): boolean {
  const known = trusted.flatMap((key) => [
    ...(isSame(key, from) ? [renamed(key, from, to)] : []),
    ...(isSame(key, to) ? [renamed(key, to, from)] : []),
  ]);
  for (const key of known) if (!trusted.some((other) => String(other) === String(key))) trusted.push(key);
  return known.length > 0;
}

/** A tenant may know the log's key under the name of its own tree. */
function isSame(key: VerifierKey, ofLog: VerifierKey): boolean {
  return key.publicKey.equals(ofLog.publicKey) && (key.name === ofLog.name || tenantOf(ofLog.name, key.name) !== undefined);
}

function renamed(key: VerifierKey, known: VerifierKey, other: VerifierKey): VerifierKey {
  const tenant = tenantOf(known.name, key.name);
  return tenant === undefined ? other : other.named(tenantOrigin(other.name, tenant));
}
