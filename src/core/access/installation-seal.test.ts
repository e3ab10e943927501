import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createAccessWorld, platformAdmin } from '../../../test/support/access-world.ts';
import type { BusNews } from '../../ports/bus.ts';
import { KeyholdError } from '../../ports/errors.ts';
import { platformScope } from '../../ports/scope.ts';
import { InstallationSeal } from './installation-seal.ts';

const resource = { scope: platformScope };
/** Trusted, and wrongly so: nothing arrives. */
const deaf = { trusted: true, publish: async () => {}, subscribe: () => () => undefined };

async function world() {
  const made = createAccessWorld();
  const open = () => InstallationSeal.open(made);
  const seal = await open();
  const heard: string[] = [];
  seal.whenSealed(() => void heard.push('sealed'));
  return {
    ...made,
    open,
    seal,
    heard,
    stop: (reason = 'a key was leaked', ifMatch?: readonly string[]) => made.perform(platformAdmin, 'platform.seal', resource, (grant) => seal.seal(grant, { reason, ifMatch })),
    goOn: (ifMatch?: readonly string[]) => made.perform(platformAdmin, 'platform.unseal', resource, (grant) => seal.unseal(grant, { ifMatch })),
  };
}

describe('the emergency stop (S29)', () => {
  it('is one record that outlives restarts, in force in this process when it is acknowledged', async () => {
    const made = await world();
    expect(made.seal.sealed).toBe(false);
    const sealed = await made.stop();
    expect(sealed).toMatchObject({ sealed: true, reason: 'a key was leaked', changedBy: platformAdmin.id, etag: expect.any(String) });
    expect([made.seal.sealed, made.heard]).toEqual([true, ['sealed']]);
    expect((await made.open()).sealed).toBe(true);
    const unsealed = await made.goOn();
    expect(unsealed).toMatchObject({ sealed: false, reason: null });
    expect(unsealed.etag).not.toBe(sealed.etag);
    expect([made.seal.sealed, made.heard]).toEqual([false, ['sealed']]);
    expect((await made.open()).sealed).toBe(false);
    expect(made.rows).toEqual(['intent platform.seal platformadmin000 platform', 'outcome ok', 'intent platform.unseal platformadmin000 platform', 'outcome ok']);
  });

  it('changes nothing when it is so already, nor against If-Match', async () => {
    const made = await world();
    const first = await made.stop('first');
    expect(await made.stop('second')).toEqual(first);
    await expect(made.goOn(['not-this-one'])).rejects.toMatchObject({ code: 'precondition_failed' });
    expect(made.seal.sealed).toBe(true);
    expect(await made.goOn([first.etag])).toMatchObject({ sealed: false });
    expect(made.heard).toEqual(['sealed']);
  });

  it('says why in a line for people', async () => {
    const made = await world();
    for (const reason of ['', 'two\nlines', '\u001B[31m', 'x'.repeat(501)]) await expect(made.stop(reason)).rejects.toMatchObject({ code: 'invalid_argument' });
    expect(made.seal.sealed).toBe(false);
  });

  it('is heard by every replica, and an older state is never taken for a newer one', async () => {
    const made = await world();
    const other = await made.open();
    await made.stop();
    await settled(() => other.sealed);
    await made.goOn();
    await settled(() => !other.sealed);
    const get = made.platform.get.bind(made.platform);
    const old = await get({ name: 'seal' });
    await made.stop();
    await settled(() => other.sealed);
    made.platform.get = async () => old;
    await made.bus.publish({ topic: 'seal', version: 99 });
    await settled(() => other.sealed);
    made.platform.get = async () => Promise.reject(new Error('the database is down'));
    await made.bus.publish({ topic: 'seal', version: 100 });
    await settled(() => other.sealed && made.seal.sealed);
  });

  it('that was not announced is seen by looking now and then', async () => {
    const made = await world();
    const other = await InstallationSeal.open({ ...made, bus: deaf });
    await made.stop();
    expect(other.sealed).toBe(false);
    await made.perform(platformAdmin, 'platform.read-seal', resource, (grant) => other.show(grant));
    expect(other.sealed).toBe(true);
  });

  it('DESIGN «Cache»: is known without waiting for 10 s, and is asked for after that, although nothing was announced', async () => {
    const made = await world();
    const other = await InstallationSeal.open({ ...made, bus: deaf });
    await made.stop();
    made.advance(9_999);
    expect(other.isSealed()).toBe(false);
    made.advance(1);
    expect(await other.isSealed()).toBe(true);
    expect(other.isSealed()).toBe(true);
  });

  it('nobody waits for it while it is looked at ahead of that time', async () => {
    const made = await world();
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    made.seal.start();
    onTestFinished(() => made.seal.stop());
    for (let second = 0; second < 60; second += 1) {
      made.advance(1_000);
      await vi.advanceTimersByTimeAsync(1_000);
      expect(made.seal.isSealed()).toBe(false);
    }
  });

  it('S32: a process that stood still does not go on by what it knew, and whether the bus may be believed is asked first', async () => {
    const made = await world();
    let tell: (news: BusNews) => void = () => undefined;
    const told: ((news: BusNews) => void)[] = [];
    let trusted = true;
    const bus = {
      publish: async () => undefined,
      subscribe: (receive: typeof tell) => (told.push(receive), () => undefined),
      get trusted() {
        tell({ topic: 'missed' });
        tell = () => undefined;
        return trusted;
      },
    };
    const still = await InstallationSeal.open({ ...made, bus });
    await made.stop();
    expect(still.isSealed()).toBe(false);
    trusted = false;
    tell = (news) => told.forEach((receive) => receive(news));
    expect(await still.isSealed()).toBe(true);
  });

  it('S10: announced and not to be read, nothing goes on by what was known before', async () => {
    const made = await world();
    const other = await made.open();
    made.platform.get = async () => Promise.reject(new KeyholdError('unavailable', 'the database is down'));
    expect(other.isSealed()).toBe(false);
    await made.bus.publish({ topic: 'seal', version: 2 });
    await expect(other.isSealed()).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('made by two at once is one', async () => {
    const made = await world();
    const other = await made.open();
    const answers = await Promise.all([made.stop('one'), made.perform(platformAdmin, 'platform.seal', resource, (grant) => other.seal(grant, { reason: 'other' }))]);
    expect(answers[0].etag).toBe(answers[1].etag);
    expect(answers[0].reason).toBe(answers[1].reason);
  });
});

async function settled(what: () => boolean): Promise<void> {
  for (let round = 0; round < 200 && !what(); round += 1) await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(what()).toBe(true);
}
