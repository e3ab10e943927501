import { KeyholdError } from '../../ports/errors.ts';

/** An `If-Match` condition: any version, or one of these entity tags, without their quotes. */
export type IfMatch = '*' | readonly string[];

/** A record's entity tag, without quotes. It comes from the revision, never from what the record holds (S22). */
export function etagOf(revision: number): string {
  return String(revision);
}

/**
 * Throws `precondition_failed` when the condition names other versions than this one (R0.3); undefined where there is nothing, which
 * no condition matches. Without a condition everything passes.
 */
export function requireMatch(ifMatch: IfMatch | undefined, etag: string | undefined): void {
  if (ifMatch === undefined) return;
  if (etag === undefined) throw new KeyholdError('precondition_failed', 'There is nothing here that If-Match could name. Leave the header out to make it.');
  if (ifMatch === '*' || ifMatch.includes(etag)) return;
  throw new KeyholdError('precondition_failed', 'It was changed since you read it. Read it again, then repeat the change with its new ETag in If-Match.', {
    details: { etag: entityTag(etag) },
  });
}

/** An entity tag as it stands in `ETag`, in `If-Match` and in bodies: in double quotes. */
export function entityTag(etag: string): string {
  return `"${etag}"`;
}
