import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { auditRow, credentialKey, credentialRecord, gatewayKeyRecord, limitsRecord, membershipRecord, placeRows, policyRecord, roleRecord, sealedRecord, sessionRecord, tenantRecord, time, tokenRecord, usageEvent, userRecord } from '../../../../test/contract/metadata-store-records.ts';
import { platformScope, tenantScope } from '../../../ports/scope.ts';
import type { SqlExecutor, SqlRow, SqlValue } from '../sql/executor.ts';
import { createSqlStore } from '../sql/sql-store.ts';
import { migrate } from './migrate.ts';
import { allMigrations } from './migrations/all-migrations.ts';
import { sqliteDialect } from './sqlite-dialect.ts';

/** Runs on the test's own thread and notes each statement. */
class NotingExecutor implements SqlExecutor {
  readonly database = new DatabaseSync(':memory:');
  readonly statements = new Set<string>();

  constructor() {
    migrate(this.database, allMigrations, 1);
  }

  async read(sql: string, values: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    this.statements.add(sql);
    return this.database.prepare(sql).all(...values);
  }

  write(sql: string, values: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return this.read(sql, values);
  }

  async wipe(): Promise<void> {}

  async close(): Promise<void> {
    this.database.close();
  }

  planOf(sql: string): readonly string[] {
    return this.database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all().map((row) => String(row['detail']));
  }
}

describe('query plans', () => {
  it('no get, list or write walks through a whole table or sorts one, so that a million records are as fast as a thousand', async () => {
    const executor = new NotingExecutor();
    const store = createSqlStore(executor, sqliteDialect);
    const key = credentialKey('acme');
    const page = { limit: 10 };

    await store.tenants.create({ tenant: 'acme' }, tenantRecord('acme'));
    await store.tenants.replace({ tenant: 'acme' }, tenantRecord('acme'), 1);
    await store.tenants.get({ tenant: 'acme' });
    await store.tenants.list(page);
    await store.tenants.remove({ tenant: 'acme' }, 2);
    await store.policies.create({ tenant: 'acme' }, policyRecord());
    await store.policies.get({ tenant: 'acme' });
    await store.limits.create({ tenant: 'acme', layer: 'own' }, limitsRecord(1));
    await store.limits.get({ tenant: 'acme', layer: 'own' });
    await store.credentials.create(key, credentialRecord(key));
    await store.credentials.get(key);
    await store.credentials.list(key.scope, page);
    await store.credentials.listService(key.scope, 'openai');
    await store.credentialMaintenance.dueForReconciling(time, page);
    await store.credentials.replace(key, credentialRecord(key), 1);
    await store.tokens.create({ id: 't1' }, tokenRecord('t1', platformScope));
    await store.tokens.get({ id: 't1' });
    await store.tokens.list(tenantScope('acme'), page);
    await store.gatewayKeys.create({ id: 'g1' }, gatewayKeyRecord('g1', 'acme'));
    await store.gatewayKeys.get({ id: 'g1' });
    await store.gatewayKeys.list('acme', page);
    await store.users.create({ id: 'u1' }, userRecord('u1'));
    await store.users.list(page);
    await store.memberships.create({ tenant: 'acme', user: 'u1' }, membershipRecord('acme', 'u1'));
    await store.memberships.get({ tenant: 'acme', user: 'u1' });
    await store.memberships.list('acme', page);
    await store.memberships.listOf('u1', page);
    await store.roles.create({ scope: platformScope, name: 'support' }, roleRecord(platformScope, 'support'));
    await store.roles.list(platformScope, page);
    await store.sessions.create({ id: 's1' }, sessionRecord('s1'));
    await store.sessions.replace({ id: 's1' }, sessionRecord('s1'), 1);
    await store.sessions.listOf({ kind: 'user', id: 'u1' }, page);
    await store.sessions.listOfProvider({ issuer: 'https://login.example.com', sid: 'x' }, page);
    await store.sessions.expired(time, page);
    await store.sealedValues.create({ ...key, version: 1 }, sealedRecord('dek_1'));
    await store.sealedValues.get({ ...key, version: 1 });
    await store.sealedValues.remove({ ...key, version: 1 }, 1);
    await store.dataKeys.create({ scope: key.scope, id: 'dek_1' }, { wrapped: '', rootId: 'root_1', createdAt: time });
    await store.dataKeys.get({ scope: key.scope, id: 'dek_1' });
    await store.dataKeys.list(key.scope);
    await store.platform.get({ name: 'root' });
    await store.sealedValues.list(platformScope, { limit: 1 });
    await store.usage.putBatch({ tenant: 'acme', journal: 'j1', segment: 1, events: [usageEvent('u1')] });
    await store.usage.getBatch({ tenant: 'acme', journal: 'j1', segment: 1 });
    await store.usage.listBatches('acme', { from: 0, to: time }, page);
    await store.usage.createRollup({ tenant: 'acme', hour: time, journal: 'j1' }, { appliedSegment: 1, rows: [] });
    await store.usage.getRollup({ tenant: 'acme', hour: time, journal: 'j1' });
    await store.usage.listRollups('acme', { from: 0, to: time });
    await store.usageSegments.create({ journal: 'j1', segment: 1 }, { kind: 'entries', starts: [], events: [], withdrawn: [] });
    await store.usageSegments.list('j1', 0, 10);
    await store.usageSegments.removeBelow({ journal: 'j1', segment: 1 });
    await store.usageSegments.unfinished();
    await store.audit.size();
    for (const tenant of [undefined, 'acme']) {
      for (const action of [undefined, 'credential.put']) {
        for (const actor of [undefined, 'admin']) {
          for (const from of [undefined, time]) {
            await placeRows(store.audit, await store.audit.size(), [auditRow('a1')]);
            await store.audit.list({ tenant, action, actor, from, to: from }, page);
          }
        }
      }
    }

    for (const tree of [null, 'acme']) {
      await store.audit.read(tree, 0, 10);
      await store.audit.nodes(tree, [0, 1]);
    }
    await store.audit.list({ tenant: 'acme' }, { limit: 1, after: (await store.audit.list({ tenant: 'acme' }, { limit: 1 })).next });
    await store.audit.find('a1');

    expect(executor.statements.size).toBeGreaterThanOrEqual(49);
    for (const sql of executor.statements) {
      for (const step of executor.planOf(sql)) {
        // What is there of these is what was written within seconds.
        if (step === 'SCAN usage_segments USING INDEX usage_segments_open') continue;
        expect(step, sql).not.toMatch(/^SCAN (?!CONSTANT ROW|entry|last|json_each)/);
        expect(step, sql).not.toContain('TEMP B-TREE');
      }
    }
    await executor.close();
  });
});
