import type { Budget, BudgetAccountRecord } from '../../src/ports/metadata/budgets.ts';
import type { GatewayKeyRecord, TokenRecord } from '../../src/ports/metadata/access.ts';
import type { AuditLeaf, AuditRepository, AuditRow } from '../../src/ports/metadata/audit.ts';
import type { CredentialKey, CredentialRecord } from '../../src/ports/metadata/credentials.ts';
import type { LimitsRecord } from '../../src/ports/metadata/limits.ts';
import type { PriceBookRecord } from '../../src/ports/metadata/prices.ts';
import type { OwnVaultRecord } from '../../src/ports/metadata/own-vaults.ts';
import type { SealedValueRecord } from '../../src/ports/metadata/sealed.ts';
import type { PolicyRecord, TenantRecord } from '../../src/ports/metadata/tenants.ts';
import { type Scope, tenantScope } from '../../src/ports/scope.ts';
import type { SessionRecord } from '../../src/ports/metadata/sessions.ts';
import type { MembershipRecord, RoleRecord, UserRecord } from '../../src/ports/metadata/users.ts';
import type { UsageEvent } from '../../src/ports/usage.ts';

/** Records as the product writes them, for tests that only care about a few of their fields. */
export const time = Date.UTC(2026, 10, 1);

export function tenantRecord(id: string, changes: Partial<TenantRecord> = {}): TenantRecord {
  return { id, name: id, state: 'active', adminTokens: [], createdAt: time, createdBy: 'token:admin', deletedAt: null, idempotency: null, ...changes };
}

export function policyRecord(changes: Partial<PolicyRecord> = {}): PolicyRecord {
  return {
    platformFallback: true,
    explicitKeys: true,
    defaultProvider: null,
    defaultModels: {},
    adoptOutsideChanges: false,
    validateOnAdd: false,
    unpricedModels: 'allow',
    ...changes,
  };
}

export function limitsRecord(requestsPerMinute: number): LimitsRecord {
  const own = { requests: [{ max: requestsPerMinute, per: 'minute' }], tokens: [{ max: 1_000_000_000_000, per: 'day' }], concurrent: 20 } as const;
  return { limits: { ...own, services: { openai: { ...own, concurrent: null } } } };
}

export function priceBookRecord(input: number): PriceBookRecord {
  return { prices: [{ service: 'openai', model: 'gpt-4o*', from: time, input, output: 2 * input, request: 3, longContext: [{ above: 200_000, input: 4, output: 5 }] }] };
}

export function ownVaultRecord(tenant: string): OwnVaultRecord {
  return {
    tenant,
    id: '0123456789abcdef',
    state: 'active',
    takesNew: true,
    settings: { kind: 'vault', address: 'https://vault.example.com:8200', namespace: 'admin/🗝', mount: 'secret', roleId: null, caCertificate: null },
    secret: { reference: { store: 'sealed', name: { scope: tenantScope(tenant), service: 'own-vault', label: 'l1' }, version: '1' }, hint: '' },
    createdAt: time,
    updatedAt: time,
    changedBy: 'token:admin',
  };
}

export function tokenRecord(id: string, scope: Scope): TokenRecord {
  return {
    id,
    scope,
    name: `token ${id}`,
    role: scope.kind === 'platform' ? 'platform-admin' : 'tenant-admin',
    digests: [{ digest: 'ab'.repeat(32), validUntil: null }],
    origin: 'api',
    createdAt: time,
    createdBy: 'token:admin',
    expiresAt: null,
    revokedAt: null,
    idempotency: { bodyDigest: 'cd'.repeat(32), createdAt: time },
  };
}

export function gatewayKeyRecord(id: string, tenant: string): GatewayKeyRecord {
  return {
    id,
    tenant,
    name: `key ${id}`,
    digests: [{ digest: 'ef'.repeat(32), validUntil: time }],
    hint: 'wxyz',
    services: ['openai'],
    models: null,
    routes: null,
    defaultProvider: null,
    tags: { team: 'search' },
    disabled: false,
    createdAt: time,
    createdBy: 'token:admin',
    expiresAt: null,
    revokedAt: null,
    idempotency: null,
  };
}

export function userRecord(id: string): UserRecord {
  return { id, issuer: 'https://login.example.com', subject: 'é|' + id, name: 'Zoë 🗝', email: null, disabled: false, signedOutBefore: null, createdAt: time, createdBy: 'token:admin', lastSignInAt: null };
}

export function sessionRecord(id: string, change: Partial<SessionRecord> = {}): SessionRecord {
  return { id, digest: 'ab'.repeat(32), holder: { kind: 'user', id: 'u1' }, provider: null, createdAt: time, authenticatedAt: time, expiresAt: time + 1_000, lastUsedAt: time, endedAt: null, ...change };
}

export function membershipRecord(tenant: string, user: string): MembershipRecord {
  return { tenant, user, issuer: 'https://login.example.com', subject: user, name: 'Zoë', role: 'tenant-member', disabled: false, createdAt: time, createdBy: 'token:admin' };
}

export function roleRecord(scope: Scope, name: string): RoleRecord {
  return { scope, name, description: 'Reads', permissions: ['credential.read'], createdAt: time, createdBy: 'token:admin', deletedAt: null };
}

export function credentialKey(tenant: string, service = 'openai', label = 'default'): CredentialKey {
  return { scope: tenantScope(tenant), service, label };
}

export function credentialRecord(key: CredentialKey, changes: Partial<CredentialRecord> = {}): CredentialRecord {
  return {
    ...key,
    state: 'active',
    disabled: false,
    current: {
      id: 'cred_0123456789abcdef',
      version: 1,
      fields: [{ name: 'api_key', hint: '…7890' }],
      settings: { endpoint: 'https://example.test/' },
      createdAt: time,
      createdBy: 'token:admin',
      reference: { store: 'sealed', name: key, version: '1' },
    },
    version: 1,
    edition: 1,
    intent: null,
    retired: [],
    expiresAt: null,
    weight: 1,
    notes: '',
    offerTo: null,
    createdAt: time,
    updatedAt: time,
    deletedAt: null,
    revokedAt: null,
    revokeReason: null,
    ...changes,
  };
}

/** A put that is under way. */
export function openIntent(expires: number): CredentialRecord['intent'] {
  return { id: 'intent_1', version: 2, cas: '1', digest: '00'.repeat(32), operation: 'put', store: 'sealed', next: null, expires };
}

export function sealedRecord(dataKeyId: string): SealedValueRecord {
  return { intentId: 'intent_1', digest: '11'.repeat(32), dataKeyId, fields: { api_key: 'c2VhbGVk' }, removedAt: null };
}

export function auditRow(id: string, changes: Partial<AuditRow> = {}): AuditRow {
  return {
    id,
    time,
    phase: 'intent',
    intentId: id,
    action: 'credential.put',
    actor: { kind: 'token', id: 'admin', role: 'platform-admin' },
    tenant: 'acme',
    resource: 'tenant:acme/openai/default',
    outcome: null,
    code: null,
    requestId: 'req_1',
    replica: 'r1',
    counter: 1,
    previous: '0'.repeat(64),
    nonce: '22'.repeat(16),
    ...changes,
  };
}

/** Leaves for rows at a position, their places in their tenants' trees as the log has them; their nodes are not those of real trees. */
export async function auditLeaves(audit: AuditRepository, position: number, rows: readonly AuditRow[]): Promise<readonly AuditLeaf[]> {
  const sizes = new Map<string, number>();
  const leaves: AuditLeaf[] = [];
  for (const row of rows) {
    const node = Buffer.from(row.id.padEnd(32, '.')).toString('base64');
    if (row.tenant === null) {
      leaves.push({ row, nodes: [node], ofTenant: null });
      continue;
    }
    const index = sizes.get(row.tenant) ?? (await audit.tenantSize(row.tenant, position));
    sizes.set(row.tenant, index + 1);
    leaves.push({ row, nodes: [node, `${node.slice(0, -2)}A=`], ofTenant: { index, nodes: [node] } });
  }
  return leaves;
}

export async function placeRows(audit: AuditRepository, position: number, rows: readonly AuditRow[]): Promise<void> {
  await audit.append(position, await auditLeaves(audit, position, rows));
}

export function usageEvent(id: string, changes: Partial<UsageEvent> = {}): UsageEvent {
  return {
    id,
    time,
    tenant: 'acme',
    service: 'openai',
    model: 'gpt-4o',
    route: 'chat/completions',
    status: 200,
    outcome: 'completed',
    keySource: 'tenant',
    credentialId: 'cred_0123456789abcdef',
    credentialVersion: 1,
    gatewayKeyId: null,
    tokenId: 'admin',
    attempts: 1,
    estimated: false,
    inputTokens: 10,
    outputTokens: 20,
    cachedTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    latencyMs: 12.5,
    firstTokenMs: null,
    cost: null,
    unpriced: true,
    tags: {},
    endUser: null,
    ...changes,
  };
}

export function budgetOf(owner: string): Budget {
  return { id: `${owner}.tokens.day.hard`, unit: 'tokens', amount: 1_000, per: 'day', hard: true, models: ['gpt-4o*'], unbounded: 'refuse' };
}

/** One journal's slice, and what it has spent. */
export function budgetAccount({ granted, spent }: { readonly granted: number; readonly spent: number }): BudgetAccountRecord {
  return { spent, unaccounted: 0, slices: [{ journal: '0123456789abcdef', granted, spent, segment: 3, writtenAt: time }], closed: ['fedcba9876543210'], alerts: [{ percent: 50, at: time }] };
}
