import type { GatewayKeyRecord } from '../../src/ports/metadata/access.ts';

/** A gateway key of acme's that nothing narrows. */
export function gatewayKeyRecord(change: Partial<GatewayKeyRecord> = {}): GatewayKeyRecord {
  return {
    id: 'gatewaykey000000',
    tenant: 'acme',
    name: 'app',
    digests: [],
    hint: '',
    services: null,
    models: null,
    routes: null,
    defaultProvider: null,
    tags: {},
    disabled: false,
    createdAt: 0,
    createdBy: 'test',
    expiresAt: null,
    revokedAt: null,
    idempotency: null,
    ...change,
  };
}
