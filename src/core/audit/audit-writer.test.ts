import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { admin, expectChains, expectTrees, type Fault, put, setup, until } from '../../../test/support/audit-world.ts';
import { KeyholdError } from '../../ports/errors.ts';
import { platformScope, tenantScope } from '../../ports/scope.ts';

describe('audit rows (R0.2, R10.3, S29, S30)', () => {
  it('writes the intent before it resolves and the outcome after it, both naming who, what and whose', async () => {
    const { audit, repository } = setup();
    const intentId = await audit.intent(put);
    expect(await repository.rows()).toMatchObject([{ id: intentId, intentId, phase: 'intent', outcome: null, code: null }]);
    await audit.outcome(intentId, 'failed', 'conflict');
    const rows = await repository.rows();
    expect(rows[1]).toMatchObject({
      phase: 'outcome',
      intentId,
      outcome: 'failed',
      code: 'conflict',
      action: 'credential.put',
      actor: { kind: 'token', id: '0123456789abcdef', role: 'tenant-admin' },
      tenant: 'acme',
      resource: 'tenant:acme/openai/default',
      requestId: 'req-1',
    });
    expectChains(rows);
  });

  it('leaves the tenant of the platform\'s own things empty and makes a denial its own intent', async () => {
    const { audit, repository } = setup();
    await audit.denied({ ...put, resource: { scope: platformScope, service: 'openai', label: 'default' }, code: 'permission_denied' });
    const [row] = await repository.rows();
    expect(row).toMatchObject({ phase: 'outcome', outcome: 'denied', code: 'permission_denied', tenant: null, resource: 'platform/openai/default' });
    expect(row?.intentId).toBe(row?.id);
  });

  it('refuses an outcome without an intent, and a second one', async () => {
    const { audit } = setup();
    await expect(audit.outcome('aud_unknown', 'ok', null)).rejects.toMatchObject({ code: 'internal' });
    const intentId = await audit.intent(put);
    await audit.outcome(intentId, 'ok', null);
    await expect(audit.outcome(intentId, 'ok', null)).rejects.toMatchObject({ code: 'internal' });
  });

  it('puts rows that arrive together, or while an append is under way, into one append', async () => {
    const { audit, repository } = setup();
    const first = audit.intent(put);
    await Promise.resolve();
    await Promise.resolve();
    await Promise.all([first, ...Array.from({ length: 600 }, () => audit.intent(put))]);
    expect(repository.appended.length).toBeLessThan(8);
    const rows = (await repository.inner.list({}, { limit: 1000 })).items.toReversed();
    expect(rows).toHaveLength(601);
    expectChains(rows);
  });

  it('keeps a caller\'s odd text from spoiling the rows of others', async () => {
    const { audit, repository } = setup();
    const odd = `\uD83D nul:\0 ${'x'.repeat(100_000)}`;
    await Promise.all([audit.intent(put), audit.denied({ ...put, actor: { ...admin, id: odd }, resource: { scope: tenantScope('acme'), id: odd }, requestId: odd, code: 'not_found' })]);
    const rows = await repository.rows();
    expect(rows).toHaveLength(2);
    expect(rows[1]?.resource.length).toBeLessThanOrEqual(512);
    expectChains(rows);
  });

  it('gives each run of a replica a chain of its own', async () => {
    const { create, audit, repository } = setup();
    await audit.intent(put);
    await create().intent(put);
    const rows = await repository.rows();
    expect(new Set(rows.map(({ replica }) => replica)).size).toBe(2);
    expectChains(rows);
  });
});

describe('when the audit log cannot be written (R10.3, S29, S30)', () => {
  it('refuses the operation, says why, and goes on rightly when the log is back', async () => {
    const { audit, repository, events, failures } = setup();
    await audit.intent(put);
    repository.down = true;
    const error = await audit.intent(put).then(() => undefined, (reason: unknown) => reason);
    expect(error).toBeInstanceOf(KeyholdError);
    expect(error).toMatchObject({ code: 'unavailable', retryAfterSeconds: 5 });
    expect((error as KeyholdError).publicMessage).toContain('audit log cannot be written');
    await expect(audit.denied({ ...put, code: 'permission_denied' })).rejects.toMatchObject({ code: 'unavailable' });
    expect(failures()).toBeGreaterThan(0);
    repository.down = false;
    await audit.intent(put);
    expect(events).toEqual(['audit_unavailable', 'audit_recovered']);
    expectChains(await repository.rows());
  });

  it('leaves a row out that was certainly not placed', async () => {
    const { audit, repository } = setup();
    repository.sizeFaults = [true, true, true];
    await expect(audit.intent(put)).rejects.toMatchObject({ code: 'unavailable' });
    await audit.intent(put);
    const rows = await repository.rows();
    expect(rows).toHaveLength(1);
    expectChains(rows);
  });

  it('keeps an outcome that cannot be written, answers its caller, and writes it before all later rows', async () => {
    const { audit, repository } = setup({ timing: { retryMs: 60_000 } });
    const first = await audit.intent(put);
    const second = await audit.intent(put);
    repository.down = true;
    await audit.outcome(first, 'ok', null);
    await audit.outcome(second, 'failed', 'internal');
    await expect(audit.intent(put)).rejects.toMatchObject({ code: 'unavailable' });
    repository.down = false;
    const third = await audit.intent(put);
    const rows = await repository.rows();
    const outcomes = rows.filter(({ phase, intentId }) => phase === 'outcome' && [first, second].includes(intentId));
    expect(outcomes.map(({ intentId, outcome }) => [intentId, outcome])).toEqual([[first, 'ok'], [second, 'failed']]);
    expect(rows.findIndex(({ id }) => id === third)).toBeGreaterThan(rows.findIndex(({ id }) => id === outcomes[1]?.id));
    expectChains(rows);
  });

  it('writes a kept outcome by itself as soon as the log is back', async () => {
    const { audit, repository } = setup();
    const intentId = await audit.intent(put);
    repository.down = true;
    await audit.outcome(intentId, 'ok', null);
    repository.down = false;
    await until(async () => (await repository.rows()).length === 2);
  });

  it('names in the outcome what was made', async () => {
    const { audit, repository } = setup();
    await audit.outcome(await audit.intent(put), 'ok', null, 'made1');
    const [intent, outcome] = await repository.rows();
    expect(outcome?.resource).toBe(`${intent?.resource}/made1`);
  });

  it('places a row once when the append\'s answer was lost', async () => {
    const { audit, repository } = setup();
    repository.appendFaults = ['lose-answer'];
    const intentId = await audit.intent(put);
    await audit.outcome(intentId, 'ok', null);
    const rows = await repository.rows();
    expect(rows.map(({ phase }) => phase)).toEqual(['intent', 'outcome']);
    expectChains(rows);
  });

  it('places a row once when an append lands after its answer was given up', async () => {
    const { audit, repository } = setup();
    repository.appendFaults = ['land-late', 'land-late', 'land-late'];
    await audit.intent(put).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 20));
    await audit.intent(put);
    expectChains(await repository.rows());
  });

  it('does not wait for ever for a database that never answers, and tells of a refused intent that stands after all', async () => {
    const { audit, repository } = setup({ timing: { answerMs: 20 } });
    repository.appendFaults = ['never-answer'];
    repository.sizeFaults = [null, true, true, true];
    await expect(audit.intent(put)).rejects.toMatchObject({ code: 'unavailable' });
    await until(async () => (await repository.rows()).length === 2);
    const rows = await repository.rows();
    expect(rows[1]).toMatchObject({ phase: 'outcome', intentId: rows[0]?.id, outcome: 'failed', code: 'unavailable' });
    expectChains(rows);
  });

  it('tries again at the new end when other replicas take the position', async () => {
    const { audit, repository, create } = setup();
    const other = setup({ replica: 'r2' });
    await Promise.all(Array.from({ length: 6 }, () => other.audit.intent(put)));
    repository.rivals = await other.repository.rows();
    const more = create('r3');
    await Promise.all([audit.intent(put), more.intent(put), audit.intent(put)]);
    const rows = await repository.rows();
    const ours = rows.filter(({ replica }) => !replica.startsWith('r2.'));
    expect(ours).toHaveLength(3);
    expect(rows.length).toBeGreaterThan(4);
    expectChains(ours);
  });

  it('keeps every acknowledged row, none twice, and whole chains under any faults', async () => {
    const fault = fc.constantFrom<(Fault | null)[]>(null, null, null, 'refuse', 'lose-answer', 'land-late');
    await fc.assert(
      fc.asyncProperty(fc.array(fault, { maxLength: 25 }), fc.array(fc.option(fc.constant(true as const), { freq: 4 }), { maxLength: 15 }), fc.integer({ min: 1, max: 12 }), async (appendFaults, sizeFaults, operations) => {
        const { audit, repository, create } = setup({ timing: { retryMs: 1 } });
        const second = create('r2');
        repository.appendFaults = appendFaults;
        repository.sizeFaults = sizeFaults;
        const done: string[] = [];
        await Promise.all(
          Array.from({ length: operations }, async (_, index) => {
            const log = index % 3 === 0 ? second : audit;
            const entry = index % 2 === 0 ? put : { ...put, resource: { scope: index % 5 === 0 ? platformScope : tenantScope(`t${index % 4}`) } };
            if (index > 4) await new Promise((resolve) => setTimeout(resolve, index));
            try {
              const intentId = await log.intent(entry);
              await log.outcome(intentId, 'ok', null);
              done.push(intentId);
            } catch (error) {
              expect(error).toMatchObject({ code: 'unavailable' });
            }
          }),
        );
        repository.appendFaults = [];
        repository.sizeFaults = [];
        await Promise.all([audit.close(), second.close()]);
        await new Promise((resolve) => setTimeout(resolve, 5));
        const rows = await repository.rows();
        expectChains(rows);
        await expectTrees(repository.inner);
        for (const intentId of done) {
          expect(rows.filter((row) => row.intentId === intentId).map(({ phase, outcome }) => [phase, outcome])).toEqual([['intent', null], ['outcome', 'ok']]);
        }
        for (const row of rows.filter(({ phase }) => phase === 'intent')) {
          expect(rows.filter(({ intentId, phase }) => intentId === row.id && phase === 'outcome')).toHaveLength(1);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('writes what is owed when it is closed, says what was lost, and takes no new intents', async () => {
    const { audit, repository, events } = setup({ timing: { retryMs: 60_000 } });
    const intentId = await audit.intent(put);
    repository.down = true;
    await audit.outcome(intentId, 'ok', null);
    repository.down = false;
    await audit.close();
    expect(await repository.rows()).toHaveLength(2);
    await expect(audit.intent(put)).rejects.toMatchObject({ code: 'unavailable' });

    const dead = setup({ timing: { retryMs: 60_000 } });
    const lost = await dead.audit.intent(put);
    dead.repository.down = true;
    await dead.audit.outcome(lost, 'ok', null);
    await dead.audit.close();
    expect(dead.events).toContain('audit_rows_lost');
    expect(events).not.toContain('audit_rows_lost');
  });
});

describe('failed sign-ins (S29)', () => {
  it('counts them into one row a window and names no address', async () => {
    const { audit, repository } = setup({ timing: { signInWindowMs: 20 } });
    for (let i = 0; i < 30; i += 1) audit.signInFailed(`192.0.2.${i % 3}`);
    await until(async () => (await repository.rows()).length === 1);
    const [row] = await repository.rows();
    expect(row).toMatchObject({ action: 'sign-in.failed', outcome: 'denied', code: 'unauthenticated', tenant: null, resource: 'platform/sign-in (30 refused, 3 addresses)' });
    expect(JSON.stringify(row)).not.toContain('192.0.2');
    audit.signInFailed('192.0.2.9');
    await audit.close();
    expect((await repository.rows())[1]).toMatchObject({ resource: 'platform/sign-in (1 refused, 1 address)' });
  });
});
