import { describe, expect, it } from 'vitest';
import { TestClock } from '../../test/support/credential-world.ts';
import { RecordingLog } from '../../test/support/recording-log.ts';
import { ReadinessProbe } from './readiness.ts';

function probe() {
  const clock = new TestClock();
  const log = new RecordingLog();
  const state = { database: true, store: true, sealed: false, connected: true };
  const witness: { failure: string | null } = { failure: null };
  const readiness = new ReadinessProbe({
    database: { ping: async () => (state.database ? undefined : Promise.reject(new Error('disk I/O error'))) },
    staleLimitMs: 900_000,
    stores: [{ kind: 'vault', health: async () => ({ connected: state.store, latencyMs: 1 }) }],
    seal: state,
    bus: state,
    witness,
    clock,
    log,
  });
  return { clock, log, state, witness, readiness };
}

describe('readiness (R0.2, S35)', () => {
  it('says no until the start is finished, and from the moment on when stopping begins', async () => {
    const { readiness } = probe();
    expect(await readiness.report()).toEqual({ ready: false, degraded: ['starting'] });
    readiness.started();
    expect(await readiness.report()).toEqual({ ready: true, degraded: [] });
    readiness.stopping();
    readiness.started();
    expect(await readiness.report()).toEqual({ ready: false, degraded: ['stopping'] });
  });

  it('goes on while the caches serve without the database, and no longer', async () => {
    const { readiness, state, clock } = probe();
    readiness.started();
    await readiness.report();
    state.database = false;
    clock.advance(900_000);
    expect(await readiness.report()).toEqual({ ready: true, degraded: ['database'] });
    clock.advance(1);
    expect(await readiness.report()).toEqual({ ready: false, degraded: ['database'] });
    state.database = true;
    expect(await readiness.report()).toEqual({ ready: true, degraded: [] });
  });

  it('goes on while Keyhold is sealed, or nobody could reach it to unseal it (S29)', async () => {
    const { readiness, state } = probe();
    readiness.started();
    state.sealed = true;
    expect(await readiness.report()).toEqual({ ready: true, degraded: ['sealed'] });
  });

  it('goes on without the audit log\'s witness, and says so', async () => {
    const { readiness, witness } = probe();
    readiness.started();
    witness.failure = 'it does not know this log';
    expect(await readiness.report()).toEqual({ ready: true, degraded: ['witness'] });
  });

  it('is not ready where the database never answered', async () => {
    const { readiness, state } = probe();
    readiness.started();
    state.database = false;
    expect(await readiness.report()).toEqual({ ready: false, degraded: ['database'] });
  });

  it('tells the log why a part is down, once, and when it is up again', async () => {
    const { readiness, state, log } = probe();
    readiness.started();
    state.database = false;
    state.store = false;
    expect(await readiness.report()).toEqual({ ready: false, degraded: ['database', 'vault'] });
    for (let asked = 0; asked < 3; asked += 1) await readiness.report();
    state.database = true;
    await readiness.report();
    const told = (part: string) => log.lines.filter(({ fields }) => fields.name === part).map(({ level, event }) => `${level} ${event}`);
    expect(told('database')).toEqual(['warn part_down', 'info part_up']);
    expect(told('vault')).toEqual(['warn part_down']);
    expect(log.lines.find(({ fields }) => fields.name === 'database')?.fields.error).toMatchObject({ message: 'disk I/O error' });
  });
});
