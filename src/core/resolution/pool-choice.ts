import type { CredentialRecord } from '../../ports/metadata/credentials.ts';
import { DEFAULT_LABEL } from '../credentials/credential-key.ts';
import type { Pool } from './credential-pools.ts';

/**
 * The credential that stands for a pool; undefined where the pool is absent: no record, or only deleted ones (R3.3). Credentials of
 * weight 0 are used only when there are no others; among the rest `default` comes first, then the first by label. A credential
 * that cannot serve is chosen like any other, and ends the resolution instead of handing over to its neighbour.
 */
export function chosenFrom(pool: Pool): CredentialRecord | undefined {
  const present = pool.filter(isPresent).sort(byLabel);
  return present.find(({ weight }) => weight > 0) ?? present[0];
}

/** Whether a platform credential is offered to the tenant (R0.2). To others it does not exist. */
export function isOfferedTo(record: CredentialRecord, tenant: string): boolean {
  const { offerTo } = record;
  if (offerTo === null || offerTo === 'none') return false;
  return offerTo === 'all' || offerTo.includes(tenant);
}

function isPresent({ state }: CredentialRecord): boolean {
  return state === 'active' || state === 'revoked';
}

function byLabel(a: CredentialRecord, b: CredentialRecord): number {
  if (a.label === b.label) return 0;
  if (a.label === DEFAULT_LABEL) return -1;
  if (b.label === DEFAULT_LABEL) return 1;
  return a.label < b.label ? -1 : 1;
}
