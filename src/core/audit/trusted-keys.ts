import { tenantOf, tenantOrigin } from './notes/checkpoint.ts';
import { type KeyChange, openKeyChange } from './notes/key-change.ts';
import type { VerifierKey } from './notes/verifier-key.ts';

/** What may be believed, given some public keys and the changes of the log's key. */
export interface TrustedKeys {
  /** May have signed heads of before: the given keys, those that follow them, and those that came before them. */
  readonly all: readonly VerifierKey[];
  /** May sign heads now. A key that was replaced, perhaps because it was stolen, is none of them unless it is the one that was given. */
  readonly following: readonly VerifierKey[];
}

/**
 * Follows a chain of changes, each signed by the key before and the key after, from the given keys. Changes that lead to none of them say nothing.
 * Undefined when a note is not signed by both of its keys, or when the notes are not one chain in its order: a key that was replaced once has
 * nobody to follow it a second time, or a stolen old key could name another heir.
 */
export function trustedKeys(given: readonly VerifierKey[], notes: readonly string[]): TrustedKeys | undefined {
  const changes = notes.map((note) => openKeyChange(note));
  if (!changes.every((change) => change !== undefined) || !areOneChain(changes)) return undefined;
  const following = [...given];
  for (const { from, to } of changes) reach(following, from, to);
  const all = [...following];
  for (const { from, to } of changes.toReversed()) reach(all, to, from);
  return { all, following };
}

function areOneChain(changes: readonly KeyChange[]): boolean {
  const seen = new Set<string>();
  const replaced = new Set<string>();
  for (const { from, to } of changes) {
    const [before, after] = [from, to].map(({ publicKey }) => publicKey.toString('hex'));
    if (before === undefined || after === undefined || replaced.has(before) || seen.has(after) || before === after) return false;
    replaced.add(before);
    seen.add(before).add(after);
  }
  return true;
}

/** Takes in the other side of a change, if the known side is believed. */
function reach(trusted: VerifierKey[], known: VerifierKey, other: VerifierKey): void {
  const reached = trusted.flatMap((key) => (isSame(key, known) ? [renamed(key, known, other)] : []));
  for (const key of reached) if (!trusted.some((before) => String(before) === String(key))) trusted.push(key);
}

/** A tenant may know the log's key under the name of its own tree. */
function isSame(key: VerifierKey, ofLog: VerifierKey): boolean {
  return key.publicKey.equals(ofLog.publicKey) && (key.name === ofLog.name || tenantOf(ofLog.name, key.name) !== undefined);
}

function renamed(key: VerifierKey, known: VerifierKey, other: VerifierKey): VerifierKey {
  const tenant = tenantOf(known.name, key.name);
  return tenant === undefined ? other : other.named(tenantOrigin(other.name, tenant));
}
