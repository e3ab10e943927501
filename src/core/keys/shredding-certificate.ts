import type { ShreddedKey } from '../../ports/metadata/tenants.ts';
import type { KnownCopy } from '../../ports/secret-store.ts';
import { isSignedBy, parseNote, signNote } from '../audit/notes/signed-note.ts';
import type { SigningKey } from '../audit/notes/signing-key.ts';
import type { VerifierKey } from '../audit/notes/verifier-key.ts';

const TITLE = 'keyhold shredding certificate 1';

/** What a certificate says. Times are milliseconds since the epoch. */
export interface ShreddingFacts {
  readonly tenant: string;
  readonly requestedBy: string;
  readonly startedAt: number;
  readonly certifiedAt: number;
  readonly keys: readonly ShreddedKey[];
  readonly copies: readonly KnownCopy[];
}

/**
 * The certificate of a shredding (S16): a signed note under the audit log's key, whose text is a title and one JSON object. It says what was
 * destroyed, and what remains until when: shredding is effective when the last copy is gone.
 */
export function signCertificate({ tenant, requestedBy, startedAt, certifiedAt, keys, copies }: ShreddingFacts, key: SigningKey): string {
  const known = copies.map(({ until }) => until);
  const text = {
    tenant,
    log: key.verifier.name,
    requestedBy,
    startedAt: instant(startedAt),
    certifiedAt: instant(certifiedAt),
    destroyedDataKeys: keys.map(({ id, createdAt, commitment, destroyedAt }) => ({ id, createdAt: instant(createdAt), commitment, destroyedAt: destroyedAt === null ? null : instant(destroyedAt) })),
    remainingCopies: copies.map(({ what, place, until }) => ({ what, place, until: until === null ? null : instant(until) })),
    effectiveAt: known.includes(null) ? null : instant(Math.max(certifiedAt, ...known.filter((until) => until !== null))),
  };
  return signNote(`${TITLE}\n${JSON.stringify(text, null, 2)}\n`, key);
}

/** The JSON object that a certificate says; undefined when none of these keys has signed it, or it is none. */
export function openCertificate(note: string, keys: readonly VerifierKey[]): unknown {
  const parsed = parseNote(note);
  if (parsed === undefined || !isSignedBy(parsed, keys) || !parsed.text.startsWith(`${TITLE}\n`)) return undefined;
  return JSON.parse(parsed.text.slice(TITLE.length + 1));
}

function instant(time: number): string {
  return new Date(time).toISOString();
}
