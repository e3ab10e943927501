import { expect } from 'vitest';
import type { AuditFilter } from '../../src/ports/metadata/audit.ts';
import type { MetadataStore } from '../../src/ports/metadata-store.ts';
import { auditRow, time } from './metadata-store-records.ts';
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
      await audit.append(0, rows);
      await audit.append(2, [auditRow('a2')]);
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
      await expectCode(audit.append(1, rows), 'conflict');
      await expectCode(audit.append(-1, rows), 'conflict');
      await audit.append(0, rows);
      for (const position of [0, 1, 2, 4, 1_000]) await expectCode(audit.append(position, [auditRow('x'), auditRow('y')]), 'conflict');
      await expectCode(audit.append(2, []), 'conflict');
      await audit.append(3, []);
      expect(await audit.size()).toBe(3);
      expect((await audit.list({}, { limit: 10 })).items.map(({ id }) => id)).toEqual(['b2', 'b1', 'b0']);
    },
  },
  {
    title: 'S30: of writers that place at one position one wins, and its batch stands together',
    check: async ({ store: { audit } }) => {
      const batches = Array.from({ length: 8 }, (_, writer) => Array.from({ length: 5 }, (_, index) => auditRow(`w${writer}-${index}`, { replica: `w${writer}` })));
      const results = await Promise.allSettled(batches.map((rows) => audit.append(0, rows)));
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
      await store.audit.append(0, rows);
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
      await store.audit.append(0, rows.slice(0, 5));
      await store.audit.append(5, rows.slice(5, 6));
      await store.audit.append(6, rows.slice(6));
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
      await audit.append(0, Array.from({ length: 7 }, (_, index) => auditRow(`c${index}`)));
      const seen: string[] = [];
      let after: string | undefined;
      for (let position = 7; ; position += 1) {
        const page = await audit.list({ tenant: 'acme' }, { limit: 3, after });
        seen.push(...page.items.map(({ id }) => id));
        if (page.next === undefined) break;
        after = page.next;
        await audit.append(position, [auditRow(`late${position}`)]);
      }
      expect(seen).toEqual(['c6', 'c5', 'c4', 'c3', 'c2', 'c1', 'c0']);
    },
  },
  {
    title: 'the audit log survives closing and opening the database',
    check: async ({ store, reopen }) => {
      await store.audit.append(0, [auditRow('d0'), auditRow('d1')]);
      if (reopen === undefined) return;
      const { audit } = await reopen();
      expect(await audit.size()).toBe(2);
      await expectCode(audit.append(1, [auditRow('x')]), 'conflict');
      await audit.append(2, [auditRow('d2')]);
      expect((await audit.list({}, { limit: 10 })).items.map(({ id }) => id)).toEqual(['d2', 'd1', 'd0']);
    },
  },
];
