import type { TokenRecord } from '../../ports/metadata/access.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import type { Scope } from '../../ports/scope.ts';
import { etagOf } from '../versions/etag.ts';

/** What is shown of a token: everything but its text and its digests. Times are milliseconds since the epoch. */
export interface TokenView {
  readonly id: string;
  readonly scope: Scope;
  readonly name: string;
  readonly role: string;
  readonly origin: TokenRecord['origin'];
  readonly createdAt: number;
  /** The id of the token that made it. */
  readonly createdBy: string;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
  readonly etag: string;
}

export function tokenView({ record, revision }: Stored<TokenRecord>): TokenView {
  const { id, scope, name, role, origin, createdAt, createdBy, expiresAt, revokedAt } = record;
  return { id, scope, name, role, origin, createdAt, createdBy, expiresAt, revokedAt, etag: etagOf(revision) };
}
