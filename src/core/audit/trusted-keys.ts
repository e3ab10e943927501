import { tenantOf, tenantOrigin } from './notes/checkpoint.ts';
import { type KeyChange, openKeyChange } from './notes/key-change.ts';
import type { VerifierKey } from './notes/verifier-key.ts';

/**
 * The public keys to believe, given some: also those that a chain of changes leads to, each signed by the key before and the key after, in either
 * direction. Changes that lead to none of them say nothing. Undefined when a note is not signed by both of its keys: then somebody changed it.
 */
export function trustedKeys(given: readonly VerifierKey[], notes: readonly string[]): readonly VerifierKey[] | undefined {
  const changes = notes.map((note) => openKeyChange(note));
  if (!changes.every((change) => change !== undefined)) return undefined;
  const trusted = [...given];
  for (let known = 0; known < trusted.length; ) {
    known = trusted.length;
    for (const change of changes) follow(trusted, change);
  }
  return trusted;
}

/** Takes in the other side of a change, if one side is believed. */
function follow(trusted: VerifierKey[], { from, to }: KeyChange): void {
  const known = trusted.flatMap((key) => [
    ...(isSame(key, from) ? [renamed(key, from, to)] : []),
    ...(isSame(key, to) ? [renamed(key, to, from)] : []),
  ]);
  for (const key of known) if (!trusted.some((other) => String(other) === String(key))) trusted.push(key);
}

/** A tenant may know the log's key under the name of its own tree. */
function isSame(key: VerifierKey, ofLog: VerifierKey): boolean {
  return key.publicKey.equals(ofLog.publicKey) && (key.name === ofLog.name || tenantOf(ofLog.name, key.name) !== undefined);
}

function renamed(key: VerifierKey, known: VerifierKey, other: VerifierKey): VerifierKey {
  const tenant = tenantOf(known.name, key.name);
  return tenant === undefined ? other : other.named(tenantOrigin(other.name, tenant));
}
