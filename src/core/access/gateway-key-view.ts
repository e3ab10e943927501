import type { GatewayKeyRecord } from '../../ports/metadata/access.ts';
import type { Budget } from '../../ports/metadata/budgets.ts';
import type { Limits } from '../../ports/metadata/limits.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import { etagOf } from '../versions/etag.ts';

/** What is shown of a gateway key: everything but its text and its digests. Times are milliseconds since the epoch. */
export interface GatewayKeyView extends Omit<GatewayKeyRecord, 'tenant' | 'digests' | 'idempotency' | 'owner' | 'networks' | 'limits'> {
  readonly owner: string | null;
  readonly networks: readonly string[] | null;
  readonly limits: Limits | null;
  readonly budget: readonly Budget[];
  /** Until when the text before the last rotation works too; null when it does not. */
  readonly previousValidUntil: number | null;
  readonly etag: string;
}

export function gatewayKeyView({ record, revision }: Stored<GatewayKeyRecord>, now: number): GatewayKeyView {
  const { tenant: _tenant, digests, idempotency: _idempotency, ...shown } = record;
  const previous = digests.map(({ validUntil }) => validUntil).find((until) => until !== null && now < until);
  return { ...shown, owner: shown.owner ?? null, networks: shown.networks ?? null, limits: shown.limits ?? null, budget: shown.budget ?? [], previousValidUntil: previous ?? null, etag: etagOf(revision) };
}
