import { expect } from 'vitest';
import type { AuditFilter } from '../../src/ports/metadata/audit.ts';
import type { MetadataStore } from '../../src/ports/metadata-store.ts';
import { auditLeaves, auditRow, placeRows, time } from './metadata-store-records.ts';
import { expectCode, readAll, type Rule } from './metadata-store-rule.ts';

async function idsOf(store: MetadataStore, filter: AuditFilter, limit = 1000): Promise<readonly string[]> {
  return (await readAll((page) => store.audit.list(filter, page), limit)).map(({ id }) => id);
}

/** The audit log (src/ports/metadata/audit.ts). */
export const auditRules: readonly Rule[] = [
  {
    title: 'R10.3: audit rows stand at the positions at which they were placed, exactly as given',
    check: async ({ store: { audit } }) => {
      expect(await audit.size()).toBe(0);
      const rows = [
        auditRow('a0', { requestId: '🧾 "quoted" \\ \\u0000', tenant: null }),
        auditRow('a1', { phase: 'outcome', outcome: 'failed', code: 'not_found', requestId: null }),
      ];
      await placeRows(audit, 0, rows);
      await placeRows(audit, 2, [auditRow('a2')]);
      expect(await audit.size()).toBe(3);
      const { items, next } = await audit.list({}, { limit: 10 });
      expect(items).toEqual([auditRow('a2'), rows[1], rows[0]].map((row, index) => ({ ...row, position: 2 - index })));
      expect(next).toBeUndefined();
    },
  },
  {
    title: 'S30: rows are placed at the end of the log only; anything else is conflict and places none of them',
    check: async ({ store: { audit } }) => {
      const rows = [auditRow('b0'), auditRow('b1'), auditRow('b2')];
      await expectCode(placeRows(audit, 1, rows), 'conflict');
      await expectCode(placeRows(audit, -1, rows), 'conflict');
      await placeRows(audit, 0, rows);
      for (const position of [0, 1, 2, 4, 1_000]) await expectCode(placeRows(audit, position, [auditRow('x'), auditRow('y')]), 'conflict');
      await expectCode(placeRows(audit, 2, []), 'conflict');
      await placeRows(audit, 3, []);
      expect(await audit.size()).toBe(3);
      expect((await audit.list({}, { limit: 10 })).items.map(({ id }) => id)).toEqual(['b2', 'b1', 'b0']);
    },
  },
  {
    title: 'S30: of writers that place at one position one wins, and its batch stands together',
    check: async ({ store: { audit } }) => {
      const batches = Array.from({ length: 8 }, (_, writer) => Array.from({ length: 5 }, (_, index) => auditRow(`w${writer}-${index}`, { replica: `w${writer}` })));
      const results = await Promise.allSettled(batches.map(async (rows) => audit.append(0, await auditLeaves(audit, 0, rows))));
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'conflict' });
      const winner = results.findIndex(({ status }) => status === 'fulfilled');
      expect(await audit.size()).toBe(5);
      const { items } = await audit.list({}, { limit: 10 });
      expect(items.map(({ id }) => id).reverse()).toEqual(batches[winner]?.map(({ id }) => id));
    },
  },
  {
    title: 'R0.2: audit rows are found by tenant, action, actor and time, alone and together, newest first',
    check: async ({ store }) => {
      const actor = (id: string) => ({ kind: 'token', id, role: 'tenant-admin' }) as const;
      const rows = [
        auditRow('r0', { time: time + 0, tenant: 'acme', action: 'credential.put', actor: actor('ann') }),
        auditRow('r1', { time: time + 10, tenant: 'beta', action: 'credential.put', actor: actor('bob') }),
        auditRow('r2', { time: time + 20, tenant: null, action: 'tenant.create', actor: actor('ann') }),
        auditRow('r3', { time: time + 30, tenant: 'acme', action: 'credential.delete', actor: actor('bob') }),
        auditRow('r4', { time: time + 40, tenant: 'acme', action: 'credential.put', actor: actor('bob') }),
      ];
      await placeRows(store.audit, 0, rows);
      for (const limit of [1, 2, 1000]) {
        expect(await idsOf(store, {}, limit)).toEqual(['r4', 'r3', 'r2', 'r1', 'r0']);
        expect(await idsOf(store, { tenant: 'acme' }, limit)).toEqual(['r4', 'r3', 'r0']);
        expect(await idsOf(store, { action: 'credential.put' }, limit)).toEqual(['r4', 'r1', 'r0']);
        expect(await idsOf(store, { actor: 'ann' }, limit)).toEqual(['r2', 'r0']);
        expect(await idsOf(store, { from: time + 10 }, limit)).toEqual(['r4', 'r3', 'r2', 'r1']);
        expect(await idsOf(store, { to: time + 30 }, limit)).toEqual(['r2', 'r1', 'r0']);
        expect(await idsOf(store, { from: time + 10, to: time + 40 }, limit)).toEqual(['r3', 'r2', 'r1']);
        expect(await idsOf(store, { tenant: 'acme', action: 'credential.put', actor: 'bob', from: time + 40, to: time + 41 }, limit)).toEqual(['r4']);
      }
      expect(await idsOf(store, { tenant: 'acm' })).toEqual([]);
      expect(await idsOf(store, { tenant: '' })).toEqual([]);
      expect(await idsOf(store, { action: `credential.put' OR '1'='1` })).toEqual([]);
      expect(await idsOf(store, { from: time + 41 })).toEqual([]);
      expect(await idsOf(store, { to: time })).toEqual([]);
      expect(await idsOf(store, { from: time + 20, to: time + 20 })).toEqual([]);
    },
  },
  {
    title: 'a time range finds every row of it though clocks jump and replicas differ',
    check: async ({ store }) => {
      const offsets = [0, 100, 40, 41, 200, 90, 90, 210, 5, 300, 299, 301];
      const rows = offsets.map((offset, index) => auditRow(`r${index}`, { time: time + offset }));
      await placeRows(store.audit, 0, rows.slice(0, 5));
      await placeRows(store.audit, 5, rows.slice(5, 6));
      await placeRows(store.audit, 6, rows.slice(6));
      const newestFirst = [...rows].reverse();
      const edges = [undefined, ...offsets.map((offset) => time + offset)];
      for (const from of edges) {
        for (const to of edges) {
          const expected = newestFirst.filter((row) => row.time >= (from ?? 0) && row.time < (to ?? Infinity)).map(({ id }) => id);
          expect(await idsOf(store, { from, to }, 5)).toEqual(expected);
        }
      }
    },
  },
  {
    title: 'audit pages stay where they are while rows are appended',
    check: async ({ store: { audit } }) => {
      await placeRows(audit, 0, Array.from({ length: 7 }, (_, index) => auditRow(`c${index}`)));
      const seen: string[] = [];
      let after: string | undefined;
      for (let position = 7; ; position += 1) {
        const page = await audit.list({ tenant: 'acme' }, { limit: 3, after });
        seen.push(...page.items.map(({ id }) => id));
        if (page.next === undefined) break;
        after = page.next;
        await placeRows(audit, position, [auditRow(`late${position}`)]);
      }
      expect(seen).toEqual(['c6', 'c5', 'c4', 'c3', 'c2', 'c1', 'c0']);
    },
  },
  {
    title: 'the audit log survives closing and opening the database',
    check: async ({ store, reopen }) => {
      await placeRows(store.audit, 0, [auditRow('d0'), auditRow('d1')]);
      if (reopen === undefined) return;
      const { audit } = await reopen();
      expect(await audit.size()).toBe(2);
      await expectCode(placeRows(audit, 1, [auditRow('x')]), 'conflict');
      await placeRows(audit, 2, [auditRow('d2')]);
      expect((await audit.list({}, { limit: 10 })).items.map(({ id }) => id)).toEqual(['d2', 'd1', 'd0']);
    },
  },
  {
    title: 'S30: rows are read in their order, of the log and of one tenant, with the nodes that were placed with them',
    check: async ({ store: { audit } }) => {
      const tenants = ['acme', null, 'beta', 'acme', 'acme', 'beta'];
      const rows = tenants.map((tenant, index) => auditRow(`e${index}`, { tenant, ...(index === 3 ? { note: 'signed 🖋\n\n— by x\n' } : {}) }));
      const leaves = await auditLeaves(audit, 0, rows.slice(0, 4));
      await audit.append(0, leaves);
      await placeRows(audit, 4, rows.slice(4));
      const acme = rows.filter(({ tenant }) => tenant === 'acme');
      expect(await audit.read(null, 0, 1000)).toEqual(rows);
      expect(await audit.read(null, 2, 3)).toEqual(rows.slice(2, 5));
      expect(await audit.read(null, 6, 3)).toEqual([]);
      expect(await audit.read('acme', 0, 1000)).toEqual(acme);
      expect(await audit.read('acme', 1, 1)).toEqual(acme.slice(1, 2));
      expect(await audit.read('nobody', 0, 10)).toEqual([]);
      expect(await audit.nodes(null, [3, 1, 6])).toEqual(new Map([[3, leaves[3]?.nodes], [1, leaves[1]?.nodes]]));
      expect(await audit.nodes('acme', [1, 9])).toEqual(new Map([[1, leaves[3]?.ofTenant?.nodes]]));
      expect((await audit.nodes('nobody', [0])).size).toBe(0);
      expect(await Promise.all([0, 1, 3, 4, 5, 99].map((position) => audit.tenantSize('acme', position)))).toEqual([0, 1, 1, 2, 3, 3]);
      expect(await audit.tenantSize('nobody', 99)).toBe(0);
    },
  },
  {
    title: 'S30: a row is found by its id, with its places',
    check: async ({ store: { audit } }) => {
      const rows = [auditRow('f0'), auditRow('f1', { tenant: null }), auditRow('f2')];
      await placeRows(audit, 0, rows);
      expect(await audit.find('f2')).toEqual({ row: rows[2], position: 2, tenantIndex: 1 });
      expect(await audit.find('f1')).toEqual({ row: rows[1], position: 1, tenantIndex: null });
      expect(await audit.find('f')).toBeUndefined();
      expect(await audit.find(`f0' OR '1'='1`)).toBeUndefined();
      await expectCode(audit.find('\0'), 'invalid_argument');
    },
  },
  {
    title: 'R10.2: the cursors of one tenant\'s rows do not depend on the rows of others',
    check: async ({ store: { audit } }) => {
      await placeRows(audit, 0, [auditRow('g0'), auditRow('g1'), auditRow('g2')]);
      const alone = await audit.list({ tenant: 'acme', action: 'credential.put' }, { limit: 1 });
      await placeRows(audit, 3, Array.from({ length: 50 }, (_, index) => auditRow(`o${index}`, { tenant: 'beta' })));
      expect(await audit.list({ tenant: 'acme', action: 'credential.put' }, { limit: 1 })).toEqual(alone);
      await placeRows(audit, 53, [auditRow('g3', { tenant: 'beta' }), auditRow('g4', { tenant: 'beta' }), auditRow('g5', { tenant: 'beta' })]);
      const other = await audit.list({ tenant: 'beta', from: time }, { limit: 51 });
      const same = await audit.list({ tenant: 'acme' }, { limit: 1 });
      expect(other.next).toBe(same.next);
    },
  },
];
