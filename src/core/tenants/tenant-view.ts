import type { Stored } from '../../ports/metadata/stored.ts';
import type { TenantRecord } from '../../ports/metadata/tenants.ts';
import { etagOf } from '../versions/etag.ts';

/** What is shown of a tenant. Times are milliseconds since the epoch. */
export interface TenantView {
  readonly id: string;
  readonly name: string;
  readonly state: TenantRecord['state'];
  readonly createdAt: number;
  /** The id of the token that made it. */
  readonly createdBy: string;
  readonly etag: string;
}

export function tenantView({ record, revision }: Stored<TenantRecord>): TenantView {
  const { id, name, state, createdAt, createdBy } = record;
  return { id, name, state, createdAt, createdBy, etag: etagOf(revision) };
}
