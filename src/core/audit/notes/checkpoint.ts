import { decodeBase64 } from '../../crypto/base64.ts';
import { emptyRoot, HASH_BYTES } from '../tree/hashing.ts';
import { isSignedBy, parseNote, signNote } from './signed-note.ts';
import type { SigningKey } from './signing-key.ts';
import { isKeyName, type VerifierKey } from './verifier-key.ts';

/** A tree's head: what its first `size` entries are, said in one hash. */
export interface TreeHead {
  /** Which tree: its name, under which it is signed. */
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
}

const SIZE = /^(?:0|[1-9][0-9]{0,15})$/;

/** The head as a signed note (https://c2sp.org/tlog-checkpoint), without extension lines, under the tree's own name. */
export function signCheckpoint({ origin, size, root }: TreeHead, key: SigningKey): string {
  return signNote(`${origin}\n${size}\n${root.toString('base64')}\n`, key.named(origin));
}

/** The head that a signed note says; undefined when it says none. Its signatures are not checked by that. */
export function parseCheckpoint(note: string): TreeHead | undefined {
  const parsed = parseNote(note);
  if (parsed === undefined) return undefined;
  // Extension lines of other logs are allowed, and not ours to read.
  const [origin, size, encoded, ...extensions] = parsed.text.slice(0, -1).split('\n');
  if (origin === undefined || origin === '' || size === undefined || encoded === undefined || extensions.includes('')) return undefined;
  const root = decodeBase64(encoded);
  if (!SIZE.test(size) || !Number.isSafeInteger(Number(size)) || root?.length !== HASH_BYTES) return undefined;
  if (size === '0' && !root.equals(emptyRoot())) return undefined;
  return { origin, size: Number(size), root };
}

/** The head that one of these public keys has signed, under the name of the head's own tree; undefined when none has. */
export function openCheckpoint(note: string, keys: readonly VerifierKey[]): TreeHead | undefined {
  const head = parseCheckpoint(note);
  const parsed = parseNote(note);
  // A tree of ours has a name that a key can have.
  if (head === undefined || parsed === undefined || !isKeyName(head.origin)) return undefined;
  const named = keys.flatMap((key) => (isTreeOf(key.name, head.origin) ? [key.named(head.origin)] : []));
  return isSignedBy(parsed, named) ? head : undefined;
}

/** The name of a tenant's tree beside the log's. */
export function tenantOrigin(origin: string, tenant: string): string {
  return `${origin}/tenants/${tenant}`;
}

/** The tenant whose tree a head's origin names, given the log's name; undefined when it is not a tenant's of that log. */
export function tenantOf(logOrigin: string, origin: string): string | undefined {
  const prefix = tenantOrigin(logOrigin, '');
  return origin.startsWith(prefix) && origin.length > prefix.length ? origin.slice(prefix.length) : undefined;
}

function isTreeOf(name: string, origin: string): boolean {
  return name === origin || tenantOf(name, origin) !== undefined;
}
