import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { platformScope, scopeKey, tenantScope } from '../../src/ports/scope.ts';
import { auditRow, credentialKey, credentialRecord, gatewayKeyRecord, openIntent, placeRows, policyRecord, sealedRecord, tenantRecord, tokenRecord, usageEvent } from './metadata-store-records.ts';
import { expectCode, readAll, type Rule } from './metadata-store-rule.ts';

/** Names that a database, an encoding or a query builder could get wrong. */
const difficultNames: readonly string[] = [
  '👩‍👩‍👧‍👦 🏳️‍🌈 🇪🇺 e\u0301 é ﷽ \u{10FFFF} \uFFFD \uFEFF',
  `'; DROP TABLE tenants; --`,
  `" OR 1=1 /* \` [x] \\ % _ ? :name $1 @p #{x} \${y}`,
  'tabs\t lines\r\n and \u0001 \u001f \u007f \u2028 \u202e',
  'spelled out: \\u0000 \\ud800 \\\\u0000',
  '',
  ' leading and trailing ',
  'null',
  '9007199254740993',
];

/** The same as any text of a record, which may be long. */
const difficult: readonly string[] = [...difficultNames, `${'x'.repeat(9_998)}🗝`, mixed(10_000)];

/** ASCII that no database can make shorter, the same for each seed. */
function mixed(length: number, seed = ''): string {
  const pieces = Array.from({ length: Math.ceil(length / 43) }, (_, index) => createHash('sha256').update(`${seed} ${index}`).digest('base64url'));
  return pieces.join('').slice(0, length);
}

const refused: readonly string[] = ['nul \0 inside', '\0', 'high \ud83d alone', '\udd11 low alone', 'swapped \udd11\ud83d'];

/** What happens to texts (src/ports/metadata-store.ts: exact, or `invalid_argument`). */
export const textRules: readonly Rule[] = [
  {
    title: 'R0.3: texts come back exactly, emoji and 10,000 characters included',
    check: async ({ store: { policies, credentials, gatewayKeys } }) => {
      for (const [index, text] of difficult.entries()) {
        const key = credentialKey('acme', 'openai', `label-${index}`);
        const record = credentialRecord(key, { notes: text, revokeReason: text });
        await credentials.create(key, record);
        expect((await credentials.get(key))?.record).toEqual(record);
        const gatewayKey = { ...gatewayKeyRecord(`g${index}`, 'acme'), name: text, tags: { [text]: text } };
        await gatewayKeys.create({ id: `g${index}` }, gatewayKey);
        expect((await gatewayKeys.get({ id: `g${index}` }))?.record).toEqual(gatewayKey);
        const policy = policyRecord({ defaultModels: { openai: text } });
        await policies.create({ tenant: `t${index}` }, policy);
        expect((await policies.get({ tenant: `t${index}` }))?.record).toEqual(policy);
      }
    },
  },
  {
    title: 'texts are exact in keys too, and only the very same key is found',
    check: async ({ store: { credentials } }) => {
      for (const text of difficultNames) {
        const key = credentialKey('acme', 'openai', text);
        await credentials.create(key, credentialRecord(key));
        expect((await credentials.get(key))?.record.label).toBe(text);
      }
      expect(await credentials.get(credentialKey('acme', 'openai', 'é'))).toBeUndefined();
      expect(await credentials.get(credentialKey('acme', 'OPENAI', 'null'))).toBeUndefined();
      expect(await credentials.get(credentialKey('acme', 'openai', 'NULL'))).toBeUndefined();
      expect(await credentials.get(credentialKey('acme', 'openai', ' leading and trailing'))).toBeUndefined();
    },
  },
  {
    title: 'R0.3: each part of a key may have 800 bytes, however random; with more, 10,000 characters say, it is invalid_argument, and nothing is written',
    check: async ({ store: { credentials, credentialMaintenance, sealedValues, tenants, audit, usage } }) => {
      const tenant = mixed(800 - scopeKey(tenantScope('')).length, 'tenant');
      const [service, label] = [mixed(800, 'service'), mixed(800, 'label')];
      for (const key of [credentialKey(tenant, service, label), credentialKey(tenant, service, '🗝'.repeat(200))]) {
        await credentials.create(key, credentialRecord(key, { intent: openIntent(0) }));
        expect((await credentials.get(key))?.record.label).toBe(key.label);
        await sealedValues.create({ ...key, version: 1 }, sealedRecord('dk_1'));
        expect(await sealedValues.get({ ...key, version: 1 })).toMatchObject({ revision: 1 });
      }
      expect(new Set((await credentialMaintenance.dueForReconciling(1, { limit: 10 })).items.map((key) => key.label))).toEqual(new Set([label, '🗝'.repeat(200)]));
      expect((await readAll((page) => sealedValues.list(tenantScope(tenant), page), 1)).map(({ key }) => key.service)).toEqual([service, service]);
      const actor = { kind: 'token', id: label, role: 'tenant-admin' } as const;
      await placeRows(audit, 0, [auditRow(mixed(800, 'id'), { tenant, action: service, actor })]);
      expect(await audit.find(mixed(800, 'id'))).toMatchObject({ row: { tenant, actor } });
      await usage.putBatch({ tenant: label, journal: service, segment: 1, events: [usageEvent('u1')] });
      expect((await usage.listBatches(label, { from: 0, to: Number.MAX_SAFE_INTEGER }, { limit: 1 })).items).toHaveLength(1);

      for (const text of [mixed(801), 'x'.repeat(10_000), `${'🗝'.repeat(200)}x`]) {
        const key = credentialKey('acme', 'openai', text);
        await expectCode(credentials.create(key, credentialRecord(key)), 'invalid_argument');
        await expectCode(credentials.get(key), 'invalid_argument');
        await expectCode(credentials.list(tenantScope(text), { limit: 1 }), 'invalid_argument');
        await expectCode(tenants.create({ tenant: text }, tenantRecord('acme')), 'invalid_argument');
        await expectCode(placeRows(audit, 1, [auditRow('a1'), auditRow('a2', { actor: { ...actor, id: text } })]), 'invalid_argument');
        await expectCode(audit.list({ action: text }, { limit: 1 }), 'invalid_argument');
        await expectCode(usage.putBatch({ tenant: text, journal: 'j1', segment: 1, events: [] }), 'invalid_argument');
      }
      expect((await credentials.list(tenantScope('acme'), { limit: 1 })).items).toEqual([]);
      expect((await tenants.list({ limit: 1 })).items).toEqual([]);
      expect(await audit.size()).toBe(1);
    },
  },
  {
    title: 'R0.3: a NUL or a lone surrogate in a record is invalid_argument and nothing is written',
    check: async ({ store: { credentials, gatewayKeys, audit, usage } }) => {
      const key = credentialKey('acme');
      const gatewayKey = gatewayKeyRecord('g1', 'acme');
      for (const text of refused) {
        await expectCode(credentials.create(key, credentialRecord(key, { notes: text })), 'invalid_argument');
        await expectCode(gatewayKeys.create({ id: 'g1' }, { ...gatewayKey, tags: { [text]: 'x' } }), 'invalid_argument');
        await expectCode(gatewayKeys.create({ id: 'g1' }, { ...gatewayKey, services: ['openai', text] }), 'invalid_argument');
        await expectCode(placeRows(audit, 0, [auditRow('a1'), auditRow('a2', { resource: text })]), 'invalid_argument');
        await expectCode(usage.putBatch({ tenant: 'acme', journal: 'j1', segment: 1, events: [usageEvent('u1', { endUser: text })] }), 'invalid_argument');
      }
      expect(await credentials.get(key)).toBeUndefined();
      expect(await gatewayKeys.get({ id: 'g1' })).toBeUndefined();
      expect(await audit.size()).toBe(0);
      const stored = await credentials.create(key, credentialRecord(key));
      await expectCode(credentials.replace(key, credentialRecord(key, { notes: '\0' }), stored.revision), 'invalid_argument');
      expect(await credentials.get(key)).toEqual(stored);
    },
  },
  {
    title: 'R0.3: a NUL or a lone surrogate in a key, a filter or a scope is invalid_argument',
    check: async ({ store: { credentials, tokens, gatewayKeys, audit, usage, tenants } }) => {
      for (const text of refused) {
        const key = credentialKey('acme', 'openai', text);
        await expectCode(credentials.get(key), 'invalid_argument');
        await expectCode(credentials.create(key, credentialRecord(credentialKey('acme'))), 'invalid_argument');
        await expectCode(credentials.replace(key, credentialRecord(credentialKey('acme')), 1), 'invalid_argument');
        await expectCode(credentials.remove(key, 1), 'invalid_argument');
        await expectCode(credentials.list(tenantScope(text), { limit: 1 }), 'invalid_argument');
        await expectCode(credentials.listService(tenantScope('acme'), text), 'invalid_argument');
        await expectCode(tenants.create({ tenant: text }, tenantRecord('acme')), 'invalid_argument');
        await expectCode(gatewayKeys.list(text, { limit: 1 }), 'invalid_argument');
        await expectCode(audit.list({ actor: text }, { limit: 1 }), 'invalid_argument');
        await expectCode(usage.putBatch({ tenant: text, journal: 'j1', segment: 1, events: [] }), 'invalid_argument');
        await expectCode(usage.listBatches(text, { from: 0, to: 1 }, { limit: 1 }), 'invalid_argument');
        await expectCode(usage.listRollups(text, { from: 0, to: 1 }), 'invalid_argument');
        await expectCode(tokens.get({ id: text }), 'invalid_argument');
      }
    },
  },
  {
    title: 'nobody shares an object with the store',
    check: async ({ store: { gatewayKeys, tokens } }) => {
      const tags: Record<string, string> = { team: 'search' };
      const given = { ...gatewayKeyRecord('g1', 'acme'), tags };
      const created = await gatewayKeys.create({ id: 'g1' }, given);
      tags['team'] = 'changed by the giver';
      Object.assign(created.record.tags, { team: 'changed by the receiver' });
      const read = await gatewayKeys.get({ id: 'g1' });
      expect(read?.record.tags).toEqual({ team: 'search' });
      Object.assign(read?.record ?? {}, { name: 'changed by the reader' });
      expect((await gatewayKeys.get({ id: 'g1' }))?.record.name).toBe('key g1');
      await tokens.create({ id: 't1' }, tokenRecord('t1', platformScope));
      const listed = await tokens.list(platformScope, { limit: 10 });
      Object.assign(listed.items[0]?.record ?? {}, { name: 'changed by the lister' });
      expect((await tokens.get({ id: 't1' }))?.record.name).toBe('token t1');
    },
  },
  {
    title: 'numbers up to 2^53 and fractions come back exactly',
    check: async ({ store: { tenants, usage } }) => {
      await tenants.create({ tenant: 'acme' }, tenantRecord('acme', { createdAt: Number.MAX_SAFE_INTEGER }));
      expect((await tenants.get({ tenant: 'acme' }))?.record.createdAt).toBe(Number.MAX_SAFE_INTEGER);
      const event = usageEvent('u1', { latencyMs: 0.1 + 0.2, firstTokenMs: 5e-324 });
      await usage.putBatch({ tenant: 'acme', journal: 'j1', segment: Number.MAX_SAFE_INTEGER, events: [event] });
      const { items } = await usage.listBatches('acme', { from: 0, to: Number.MAX_SAFE_INTEGER }, { limit: 1 });
      expect(items).toEqual([{ tenant: 'acme', journal: 'j1', segment: Number.MAX_SAFE_INTEGER, events: [event] }]);
    },
  },
];
