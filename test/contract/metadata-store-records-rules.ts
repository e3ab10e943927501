import { expect } from 'vitest';
import type { Repository } from '../../src/ports/metadata/stored.ts';
import type { MetadataStore } from '../../src/ports/metadata-store.ts';
import { platformScope, tenantScope } from '../../src/ports/scope.ts';
import { budgetAccount, budgetOf, credentialKey, credentialRecord, gatewayKeyRecord, limitsRecord, membershipRecord, ownVaultRecord, policyRecord, priceBookRecord, roleRecord, sealedRecord, sessionRecord, tenantRecord, time, tokenRecord, userRecord } from './metadata-store-records.ts';
import { expectCode, type Rule } from './metadata-store-rule.ts';

type Body = <K, R>(repository: Repository<K, R>, key: K, first: R, second: R) => Promise<void>;

/** One repository with a key and two different records, so that one rule is checked on each. */
interface Case {
  readonly kind: string;
  readonly check: (body: Body, store: MetadataStore) => Promise<void>;
}

const cases: readonly Case[] = [
  { kind: 'tenants', check: (body, { tenants }) => body(tenants, { tenant: 'acme' }, tenantRecord('acme'), tenantRecord('acme', { state: 'suspended' })) },
  { kind: 'policies', check: (body, { policies }) => body(policies, { tenant: 'acme' }, policyRecord(), policyRecord({ platformFallback: false })) },
  { kind: 'limits', check: (body, { limits }) => body(limits, { tenant: 'acme', layer: 'own' }, limitsRecord(1), limitsRecord(2)) },
  {
    kind: 'price books',
    check: (body, { priceBooks }) => body(priceBooks, { scope: platformScope }, priceBookRecord(1), priceBookRecord(2)),
  },
  {
    kind: 'budgets of tenants',
    check: (body, { tenantBudgets }) => body(tenantBudgets, { tenant: 'acme' }, { own: [budgetOf('own')], platform: [] }, { own: [], platform: [budgetOf('platform')] }),
  },
  {
    kind: 'accounts of budgets',
    check: (body, { budgetAccounts }) => body(budgetAccounts, { tenant: 'acme', budget: 'own.tokens.day.hard', period: '2026-11-28' }, budgetAccount({ granted: 10, spent: 0 }), budgetAccount({ granted: 10, spent: 10 })),
  },
  {
    kind: 'own vaults',
    check: (body, { ownVaults }) => {
      const record = ownVaultRecord('acme');
      return body(ownVaults, { tenant: 'acme' }, record, { ...record, takesNew: false });
    },
  },
  {
    kind: 'credentials',
    check: (body, { credentials }) => {
      const key = credentialKey('acme');
      return body(credentials, key, credentialRecord(key), credentialRecord(key, { version: 2 }));
    },
  },
  {
    kind: 'tokens',
    check: (body, { tokens }) => {
      const record = tokenRecord('t1', platformScope);
      return body(tokens, { id: 't1' }, record, { ...record, revokedAt: time });
    },
  },
  {
    kind: 'gateway keys',
    check: (body, { gatewayKeys }) => {
      const record = gatewayKeyRecord('g1', 'acme');
      return body(gatewayKeys, { id: 'g1' }, record, { ...record, disabled: true });
    },
  },
  {
    kind: 'users',
    check: (body, { users }) => body(users, { id: 'u1' }, userRecord('u1'), { ...userRecord('u1'), signedOutBefore: time }),
  },
  {
    kind: 'memberships',
    check: (body, { memberships }) => body(memberships, { tenant: 'acme', user: 'u1' }, membershipRecord('acme', 'u1'), { ...membershipRecord('acme', 'u1'), disabled: true }),
  },
  {
    kind: 'roles',
    check: (body, { roles }) => body(roles, { scope: platformScope, name: 'support' }, roleRecord(platformScope, 'support'), { ...roleRecord(platformScope, 'support'), permissions: [] }),
  },
  {
    kind: 'sessions',
    check: (body, { sessions }) => body(sessions, { id: 's1' }, sessionRecord('s1'), { ...sessionRecord('s1'), endedAt: time }),
  },
  {
    kind: 'sealed values',
    check: (body, { sealedValues }) => body(sealedValues, { ...credentialKey('acme'), version: 3 }, sealedRecord('dek_1'), { ...sealedRecord('dek_1'), removedAt: time }),
  },
  {
    kind: 'data keys',
    check: (body, { dataKeys }) =>
      body(
        dataKeys,
        { scope: tenantScope('acme'), id: 'dek_1' },
        { wrapped: 'd3JhcHBlZA==', rootId: 'root_1', createdAt: time },
        { wrapped: 'd3JhcHBlZDI=', rootId: 'root_2', createdAt: time },
      ),
  },
  {
    kind: 'platform records',
    check: (body, { platform }) =>
      body(
        platform,
        { name: 'first-start' },
        { name: 'first-start', tokenId: 't1', createdAt: time },
        { name: 'first-start', tokenId: 't2', createdAt: time + 1 },
      ),
  },
  {
    kind: 'leases',
    check: (body, { leases }) => {
      const lastRun = { replica: 'replica_1', startedAt: time, endedAt: time + 5, outcome: 'failed', code: 'unavailable', counts: { vault: 3 } } as const;
      return body(leases, { name: 'reconcile' }, { holder: 'replica_1', termMs: 30_000, lastRun: null, nextRunAt: time }, { holder: null, termMs: 30_000, lastRun, nextRunAt: null });
    },
  },
];

/** The rule of `Repository`, on each of them. */
export const recordRules: readonly Rule[] = cases.flatMap(({ kind, check }): readonly Rule[] => [
  {
    title: `${kind}: gives back what was written, with a revision that starts at 1 and grows`,
    check: ({ store }) =>
      check(async (repository, key, first, second) => {
        expect(await repository.get(key)).toBeUndefined();
        expect(await repository.create(key, first)).toEqual({ record: first, revision: 1 });
        expect(await repository.get(key)).toEqual({ record: first, revision: 1 });
        expect(await repository.replace(key, second, 1)).toEqual({ record: second, revision: 2 });
        expect(await repository.get(key)).toEqual({ record: second, revision: 2 });
      }, store),
  },
  {
    title: `${kind}: create refuses what is there with already_exists and changes nothing`,
    check: ({ store }) =>
      check(async (repository, key, first, second) => {
        await repository.create(key, first);
        await expectCode(repository.create(key, second), 'already_exists');
        expect(await repository.get(key)).toEqual({ record: first, revision: 1 });
      }, store),
  },
  {
    title: `${kind}: replace and remove refuse another revision, and what is gone, with conflict`,
    check: ({ store }) =>
      check(async (repository, key, first, second) => {
        await expectCode(repository.replace(key, second, 1), 'conflict');
        await expectCode(repository.remove(key, 1), 'conflict');
        await repository.create(key, first);
        await repository.replace(key, second, 1);
        for (const stale of [0, 1, 3]) {
          await expectCode(repository.replace(key, first, stale), 'conflict');
          await expectCode(repository.remove(key, stale), 'conflict');
        }
        expect(await repository.get(key)).toEqual({ record: second, revision: 2 });
      }, store),
  },
  {
    title: `${kind}: a removed record is gone, and its revisions go on when the key is used again`,
    check: ({ store }) =>
      check(async (repository, key, first, second) => {
        await repository.create(key, first);
        await repository.remove(key, 1);
        expect(await repository.get(key)).toBeUndefined();
        await expectCode(repository.remove(key, 2), 'conflict');
        await expectCode(repository.replace(key, second, 2), 'conflict');
        const again = await repository.create(key, second);
        expect(again.revision).toBeGreaterThan(1);
        await expectCode(repository.replace(key, first, 1), 'conflict');
        expect(await repository.get(key)).toEqual({ record: second, revision: again.revision });
      }, store),
  },
  {
    title: `${kind}: of writers that begin together exactly one wins`,
    check: ({ store }) =>
      check(async (repository, key, first, second) => {
        const created = await Promise.allSettled(Array.from({ length: 8 }, () => repository.create(key, first)));
        expectOneWinner(created, 'already_exists');
        const replaced = await Promise.allSettled(Array.from({ length: 8 }, () => repository.replace(key, second, 1)));
        expectOneWinner(replaced, 'conflict');
        expect(await repository.get(key)).toEqual({ record: second, revision: 2 });
      }, store),
  },
  {
    title: `${kind}: survive closing and opening the database`,
    check: async ({ store, reopen }) => {
      await check(async (repository, key, first, second) => {
        await repository.create(key, first);
        await repository.replace(key, second, 1);
      }, store);
      if (reopen === undefined) return;
      await check(async (repository, key, _first, second) => {
        expect(await repository.get(key)).toEqual({ record: second, revision: 2 });
      }, await reopen());
    },
  },
]);

function expectOneWinner(results: readonly PromiseSettledResult<unknown>[], code: string): void {
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject({ code });
}
