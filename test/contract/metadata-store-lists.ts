import { expect } from 'vitest';
import type { Page, PageRequest } from '../../src/ports/metadata/stored.ts';
import type { MetadataStore } from '../../src/ports/metadata-store.ts';
import { platformScope, tenantScope } from '../../src/ports/scope.ts';
import { auditRow, credentialKey, credentialRecord, gatewayKeyRecord, membershipRecord, placeRows, roleRecord, sealedRecord, tenantRecord, time, tokenRecord, usageEvent, userRecord } from './metadata-store-records.ts';
import { expectCode, readAll, type Rule } from './metadata-store-rule.ts';

const ids = ['a', 'a-', 'a.b', 'aa', 'ab', 'b', 'b0', 'ba', 'z', '0', '10', '2'];
const sortedIds = [...ids].sort();

/** Lists: order, pages, borders between scopes. */
export const listRules: readonly Rule[] = [
  {
    title: 'tenants, tokens and gateway keys are listed by id, whatever the size of the page',
    check: async ({ store: { tenants, tokens, gatewayKeys } }) => {
      for (const id of ids) {
        await tenants.create({ tenant: id }, tenantRecord(id));
        await tokens.create({ id }, tokenRecord(id, tenantScope('acme')));
        await gatewayKeys.create({ id }, gatewayKeyRecord(id, 'acme'));
      }
      for (const limit of [1, 3, ids.length - 1, ids.length, 1000]) {
        expect((await readAll((page) => tenants.list(page), limit)).map(({ record }) => record.id)).toEqual(sortedIds);
        expect((await readAll((page) => tokens.list(tenantScope('acme'), page), limit)).map(({ record }) => record.id)).toEqual(sortedIds);
        expect((await readAll((page) => gatewayKeys.list('acme', page), limit)).map(({ record }) => record.id)).toEqual(sortedIds);
      }
    },
  },
  {
    title: 'users are listed by id, roles by name, and memberships both ways, of one tenant or user alone',
    check: async ({ store: { users, memberships, roles } }) => {
      for (const id of ids) {
        await users.create({ id }, userRecord(id));
        for (const tenant of ['acme', 'globex']) await memberships.create({ tenant, user: id }, membershipRecord(tenant, id));
        await memberships.create({ tenant: `tenant-${id}`, user: 'everywhere' }, membershipRecord(`tenant-${id}`, 'everywhere'));
        for (const scope of [platformScope, tenantScope('acme')]) await roles.create({ scope, name: id }, roleRecord(scope, id));
      }
      await memberships.remove({ tenant: 'globex', user: 'z' }, 1);
      for (const limit of [1, 5, 1000]) {
        expect((await readAll((page) => users.list(page), limit)).map(({ record }) => record.id)).toEqual(sortedIds);
        expect((await readAll((page) => memberships.list('acme', page), limit)).map(({ record }) => [record.tenant, record.user])).toEqual(sortedIds.map((id) => ['acme', id]));
        expect((await readAll((page) => memberships.listOf('everywhere', page), limit)).map(({ record }) => record.tenant)).toEqual(sortedIds.map((id) => `tenant-${id}`));
        expect((await readAll((page) => roles.list(platformScope, page), limit)).map(({ record }) => record)).toEqual(sortedIds.map((id) => roleRecord(platformScope, id)));
      }
      expect(await readAll((page) => memberships.listOf('z', page), 1)).toEqual([{ record: membershipRecord('acme', 'z'), revision: 1 }]);
      expect((await readAll((page) => memberships.list('globex', page), 4)).map(({ record }) => record.user)).toEqual(sortedIds.filter((id) => id !== 'z'));
    },
  },
  {
    title: 'credentials are listed by service and label, with their revisions',
    check: async ({ store: { credentials } }) => {
      const names = [
        ['openai', 'default'],
        ['anthropic', 'second'],
        ['anthropic', 'default'],
        ['openai', 'a/b'],
        ['openai-2', 'default'],
      ] as const;
      for (const [service, label] of names) {
        const key = credentialKey('acme', service, label);
        await credentials.create(key, credentialRecord(key));
        await credentials.replace(key, credentialRecord(key, { notes: 'changed' }), 1);
      }
      const sorted = ['anthropic default', 'anthropic second', 'openai a/b', 'openai default', 'openai-2 default'];
      for (const limit of [1, 2, 5]) {
        const found = await readAll((page) => credentials.list(tenantScope('acme'), page), limit);
        expect(found.map(({ record, revision }) => [`${record.service} ${record.label}`, revision])).toEqual(sorted.map((name) => [name, 2]));
      }
      const ofService = await credentials.listService(tenantScope('acme'), 'openai');
      expect(ofService.map(({ record }) => record.label)).toEqual(['a/b', 'default']);
      expect(await credentials.listService(tenantScope('acme'), 'stripe')).toEqual([]);
    },
  },
  {
    title: 'S14 sealed values are listed by service, label and version with their keys, of one scope alone',
    check: async ({ store: { sealedValues } }) => {
      const places = [['openai', 'default', 10], ['openai', 'default', 9], ['openai', 'a', 2], ['anthropic', 'default', 1]] as const;
      for (const scope of [tenantScope('acme'), tenantScope('acme2'), platformScope]) {
        for (const [service, label, version] of places) await sealedValues.create({ scope, service, label, version }, sealedRecord('dk_1'));
      }
      await sealedValues.remove({ scope: tenantScope('acme'), service: 'anthropic', label: 'default', version: 1 }, 1);
      for (const limit of [1, 2, 1000]) {
        const found = await readAll((page) => sealedValues.list(tenantScope('acme'), page), limit);
        expect(found.map(({ key, record, revision }) => [key.scope, key.service, key.label, key.version, record.dataKeyId, revision])).toEqual(
          [['openai', 'a', 2], ['openai', 'default', 9], ['openai', 'default', 10]].map((place) => [tenantScope('acme'), ...place, 'dk_1', 1]),
        );
      }
      expect(await readAll((page) => sealedValues.list(platformScope, page), 3)).toHaveLength(4);
    },
  },
  {
    title: 'a list is in the order of code points, beyond the basic plane too',
    check: async ({ store: { credentials } }) => {
      for (const label of ['\u{1F511}', '\uFFFD', '~', 'z']) {
        const key = credentialKey('acme', 'openai', label);
        await credentials.create(key, credentialRecord(key));
      }
      const found = await readAll((page) => credentials.list(tenantScope('acme'), page), 1);
      expect(found.map(({ record }) => record.label)).toEqual(['z', '~', '\uFFFD', '\u{1F511}']);
    },
  },
  {
    title: 'everything is listed where the port has no pages, also when it is much',
    check: async ({ store: { credentials, dataKeys, usage } }) => {
      const COUNT = 1203;
      await Promise.all(
        Array.from({ length: COUNT }, async (_, index) => {
          const key = credentialKey('acme', 'openai', `label-${String(index).padStart(4, '0')}`);
          await credentials.create(key, credentialRecord(key));
          await dataKeys.create({ scope: platformScope, id: `dek_${index}` }, { wrapped: '', rootId: 'root_1', createdAt: time + (index % 7) });
          await usage.createRollup({ tenant: 'acme', hour: time + (index % 5), journal: `j${index}` }, { appliedSegment: index, rows: [] });
        }),
      );
      const labels = (await credentials.listService(tenantScope('acme'), 'openai')).map(({ record }) => record.label);
      expect(labels).toHaveLength(COUNT);
      expect(labels).toEqual([...labels].sort());
      const keys = await dataKeys.list(platformScope);
      expect(new Set(keys.map(({ id }) => id)).size).toBe(COUNT);
      const ages = keys.map(({ record }) => record.createdAt);
      expect(ages).toEqual([...ages].sort((a, b) => a - b));
      const rollups = await usage.listRollups('acme', { from: time, to: time + 5 });
      expect(new Set(rollups.map(({ rollup }) => rollup.appliedSegment)).size).toBe(COUNT);
    },
  },
  {
    title: 'records that are created or removed between two pages do not shift the pages',
    check: async ({ store: { tenants } }) => {
      for (const id of ['b', 'd', 'f', 'h']) await tenants.create({ tenant: id }, tenantRecord(id));
      const first = await tenants.list({ limit: 2 });
      await tenants.create({ tenant: 'a' }, tenantRecord('a'));
      await tenants.create({ tenant: 'e' }, tenantRecord('e'));
      await tenants.remove({ tenant: 'd' }, 1);
      await tenants.remove({ tenant: 'h' }, 1);
      const second = await tenants.list({ limit: 2, after: first.next });
      expect([...first.items, ...second.items].map(({ record }) => record.id)).toEqual(['b', 'd', 'e', 'f']);
      expect(second.next).toBeUndefined();
    },
  },
  {
    title: 'S13: keys that written one after the other would look the same stay apart',
    check: async ({ store: { credentials, sealedValues, dataKeys } }) => {
      const names = [
        ['a', 'b/c', 'd'],
        ['a', 'b', 'c/d'],
        ['a/b', 'c', 'd'],
        ['a', 'b', 'c'],
        ['a', '', 'b'],
        ['', 'a', 'b'],
        ['a', 'b:c', 'd'],
        ['a', 'b","c', 'd'],
        ['a', 'b', 'c","d'],
      ] as const;
      for (const [tenant, service, label] of names) {
        const key = credentialKey(tenant, service, label);
        await credentials.create(key, credentialRecord(key, { notes: `${tenant}|${service}|${label}` }));
        await sealedValues.create({ ...key, version: 1 }, sealedRecord(`${tenant}|${service}|${label}`));
      }
      for (const [tenant, service, label] of names) {
        const key = credentialKey(tenant, service, label);
        expect((await credentials.get(key))?.record.notes).toBe(`${tenant}|${service}|${label}`);
        expect((await sealedValues.get({ ...key, version: 1 }))?.record.dataKeyId).toBe(`${tenant}|${service}|${label}`);
      }
      expect((await credentials.list(tenantScope('a'), { limit: 100 })).items).toHaveLength(7);
      const sealed = { ...credentialKey('v', 'openai', 'x'), version: 11 };
      await sealedValues.create(sealed, sealedRecord('dek'));
      expect(await sealedValues.get({ ...sealed, label: 'x1', version: 1 })).toBeUndefined();
      expect(await sealedValues.get({ ...sealed, version: 1 })).toBeUndefined();
      await dataKeys.create({ scope: tenantScope('a'), id: 'b' }, { wrapped: 'one', rootId: 'r', createdAt: time });
      expect(await dataKeys.get({ scope: tenantScope('ab'), id: '' })).toBeUndefined();
    },
  },
  {
    title: 'R10.2: the platform is no tenant, also where a tenant is named platform',
    check: async ({ store: { credentials, tokens, dataKeys, gatewayKeys } }) => {
      const scopes = [
        [platformScope, 'of the platform'],
        [tenantScope('platform'), 'of the tenant'],
      ] as const;
      for (const [scope, whose] of scopes) {
        const key = { scope, service: 'openai', label: 'default' };
        expect(await credentials.get(key)).toBeUndefined();
        await credentials.create(key, credentialRecord(key, { notes: whose }));
        await tokens.create({ id: whose }, tokenRecord(whose, scope));
        await dataKeys.create({ scope, id: 'dek_1' }, { wrapped: whose, rootId: 'root_1', createdAt: time });
      }
      for (const [scope, whose] of scopes) {
        expect((await credentials.get({ scope, service: 'openai', label: 'default' }))?.record.notes).toBe(whose);
        expect((await credentials.list(scope, { limit: 10 })).items.map(({ record }) => record.notes)).toEqual([whose]);
        expect((await credentials.listService(scope, 'openai')).map(({ record }) => record.notes)).toEqual([whose]);
        expect((await tokens.list(scope, { limit: 10 })).items.map(({ record }) => record.id)).toEqual([whose]);
        expect((await dataKeys.list(scope)).map(({ record }) => record.wrapped)).toEqual([whose]);
      }
      await gatewayKeys.create({ id: 'g1' }, gatewayKeyRecord('g1', 'acme'));
      expect((await gatewayKeys.list('acm', { limit: 10 })).items).toEqual([]);
      expect((await gatewayKeys.list('acme2', { limit: 10 })).items).toEqual([]);
    },
  },
  {
    title: 'removed records are in no list',
    check: async ({ store }) => {
      const key = credentialKey('acme');
      await store.tenants.create({ tenant: 'acme' }, tenantRecord('acme'));
      await store.credentials.create(key, credentialRecord(key, { state: 'deleted', deletedAt: 0 }));
      await store.tokens.create({ id: 't1' }, tokenRecord('t1', platformScope));
      await store.gatewayKeys.create({ id: 'g1' }, gatewayKeyRecord('g1', 'acme'));
      await store.dataKeys.create({ scope: platformScope, id: 'dek_1' }, { wrapped: '', rootId: 'root_1', createdAt: time });
      await store.tenants.remove({ tenant: 'acme' }, 1);
      await store.credentials.remove(key, 1);
      await store.tokens.remove({ id: 't1' }, 1);
      await store.gatewayKeys.remove({ id: 'g1' }, 1);
      await store.dataKeys.remove({ scope: platformScope, id: 'dek_1' }, 1);
      for (const list of everyList(store)) expect((await list({ limit: 10 })).items).toEqual([]);
      expect(await store.credentials.listService(key.scope, 'openai')).toEqual([]);
      expect(await store.dataKeys.list(platformScope)).toEqual([]);
    },
  },
  {
    title: 'a limit outside 1 to 1000, and a cursor that is not of the list, are invalid_argument',
    check: async ({ store }) => {
      for (const [position, id] of ['a', 'b'].entries()) {
        await store.tenants.create({ tenant: id }, tenantRecord(id));
        await placeRows(store.audit, position, [auditRow(id)]);
        await store.usage.putBatch({ tenant: 'acme', journal: id, segment: 1, events: [usageEvent(id)] });
      }
      const ofTenants = (await store.tenants.list({ limit: 1 })).next;
      const ofAudit = (await store.audit.list({}, { limit: 1 })).next;
      expect(ofTenants).toEqual(expect.any(String));
      expect(ofAudit).toEqual(expect.any(String));
      const lists = everyList(store);
      for (const [index, list] of lists.entries()) {
        for (const limit of [0, -1, 1001, 1.5, Number.NaN, Infinity]) await expectCode(list({ limit }), 'invalid_argument');
        for (const after of ['', 'a', '!!', 'bnVsbA', Buffer.from('["tenants"]').toString('base64url'), Buffer.from('["tenants",{}]').toString('base64url')]) {
          await expectCode(list({ limit: 1, after }), 'invalid_argument');
        }
        if (index !== 0) await expectCode(list({ limit: 1, after: ofTenants }), 'invalid_argument');
        if (index !== lists.length - 1) await expectCode(list({ limit: 1, after: ofAudit }), 'invalid_argument');
      }
    },
  },
  {
    title: 'answers a ping',
    check: async ({ store }) => {
      await expect(store.ping()).resolves.toBeUndefined();
    },
  },
];

/** Every list with pages, tenants first, audit last. */
function everyList(store: MetadataStore): readonly ((page: PageRequest) => Promise<Page<unknown>>)[] {
  return [
    (page) => store.tenants.list(page),
    (page) => store.credentials.list(tenantScope('acme'), page),
    (page) => store.credentialMaintenance.dueForReconciling(Number.MAX_SAFE_INTEGER, page),
    (page) => store.tokens.list(platformScope, page),
    (page) => store.gatewayKeys.list('acme', page),
    (page) => store.usage.listBatches('acme', { from: 0, to: Number.MAX_SAFE_INTEGER }, page),
    (page) => store.audit.list({}, page),
  ];
}
