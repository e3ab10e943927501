import { AuditTrees } from '../../src/core/audit/audit-trees.ts';
import type { AuditRepository } from '../../src/ports/metadata/audit.ts';
import type { MetadataStore } from '../../src/ports/metadata-store.ts';
import { platformScope, tenantScope } from '../../src/ports/scope.ts';
import { auditRow, credentialKey, credentialRecord, gatewayKeyRecord, limitsRecord, membershipRecord, openIntent, ownVaultRecord, policyRecord, priceBookRecord, roleRecord, sealedRecord, sessionRecord, tenantRecord, time, tokenRecord, usageEvent, userRecord } from '../contract/metadata-store-records.ts';

/** Texts that a database or a way between two could get wrong. */
const difficult = ['👩‍👩‍👧‍👦 é \u{10FFFF}', `'; DROP TABLE tenants; --`, 'spelled out: \\u0000 \\ud800', 'lines\r\n\u0001', 'x'.repeat(10_000)];

/** Records of every kind, changed and removed ones among them, and an audit log with its trees. */
export async function fillDatabase(store: MetadataStore, tenants = 3): Promise<void> {
  await store.platform.create({ name: 'root' }, { name: 'root', rootId: 'root_1', commitment: 'c', createdAt: time, wrappings: [] });
  await store.platform.create({ name: 'seal' }, { name: 'seal', sealed: false, reason: null, changedAt: time, changedBy: 'token:admin' });
  for (let index = 0; index < tenants; index += 1) {
    const tenant = `tenant-${index}`;
    const notes = difficult[index % difficult.length] ?? '';
    await store.tenants.create({ tenant }, tenantRecord(tenant));
    await store.policies.create({ tenant }, policyRecord({ defaultModels: { openai: notes } }));
    await store.policies.replace({ tenant }, policyRecord(), 1);
    await store.limits.create({ tenant, layer: index === 0 ? 'own' : 'platform' }, limitsRecord(index + 1));
    await store.priceBooks.create({ scope: index === 0 ? platformScope : tenantScope(tenant) }, priceBookRecord(index + 1));
    await store.ownVaults.create({ tenant }, ownVaultRecord(tenant));
    const key = credentialKey(tenant, 'openai', notes.slice(0, 200));
    await store.credentials.create(key, credentialRecord(key, { notes, ...(index === 1 ? { intent: openIntent(time) } : {}) }));
    const removed = credentialKey(tenant, 'anthropic');
    await store.credentials.create(removed, credentialRecord(removed));
    await store.credentials.remove(removed, 1);
    await store.tokens.create({ id: `t${index}` }, tokenRecord(`t${index}`, index === 0 ? platformScope : tenantScope(tenant)));
    await store.gatewayKeys.create({ id: `g${index}` }, gatewayKeyRecord(`g${index}`, tenant));
    await store.users.create({ id: `u${index}` }, { ...userRecord(`u${index}`), name: notes });
    await store.memberships.create({ tenant, user: `u${index}` }, membershipRecord(tenant, `u${index}`));
    await store.sessions.create({ id: `n${index}` }, sessionRecord(`n${index}`, index === 0 ? {} : { provider: { issuer: 'https://login.example.com', sid: notes } }));
    const scope = index === 0 ? platformScope : tenantScope(tenant);
    await store.roles.create({ scope, name: 'support' }, { ...roleRecord(scope, 'support'), description: notes });
    await store.sealedValues.create({ ...key, version: index + 1 }, sealedRecord(`dk_${index}`));
    await store.dataKeys.create({ scope: key.scope, id: `dk_${index}` }, { wrapped: 'd3JhcHBlZA==', rootId: 'root_1', createdAt: time + index });
    await store.usage.putBatch({ tenant, journal: 'j1', segment: index, events: [usageEvent(`u${index}`, { endUser: notes })] });
    await store.usage.createRollup({ tenant, hour: time, journal: 'j1' }, { appliedSegment: index, rows: [] });
    await store.usageSegments.create({ journal: `j${index}`, segment: 1 }, { kind: index === 0 ? 'end' : 'entries', starts: [], events: [usageEvent(`s${index}`)], withdrawn: [] });
    await placeRealRows(store.audit, [auditRow(`a${index}`, { tenant, resource: notes }), auditRow(`b${index}`, { tenant: index === 0 ? null : tenant, time: time - index })]);
  }
}

/** Rows at the end of a log, with the nodes that follow from it. */
export async function placeRealRows(audit: AuditRepository, rows: readonly ReturnType<typeof auditRow>[]): Promise<void> {
  const trees = new AuditTrees();
  const size = await audit.size();
  for (const row of size === 0 ? [] : await audit.read(null, 0, size)) trees.place(row);
  await audit.append(size, rows.map((row) => trees.place(row)));
}
