import { createSecretKey, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { TestClock } from '../../../test/support/credential-world.ts';
import { MemoryMedium } from '../../../test/support/memory-transport.ts';
import type { BusMessage, BusNews } from '../../ports/bus.ts';
import { LARGEST_MESSAGE } from '../../ports/bus-transport.ts';
import { BusLink } from './bus-link.ts';
import { sealed } from './envelope.ts';

const revoked = (version: number): BusMessage => ({ topic: 'credential', scopeKey: 'tenant/acme', service: 'openai', label: 'default', version });

/** Replicas with one key, on one medium and by one clock. */
function world() {
  const clock = new TestClock();
  const medium = new MemoryMedium();
  const key = createSecretKey(randomBytes(32));
  const replica = (own = key) => {
    const news: BusNews[] = [];
    const events: string[] = [];
    const transport = medium.transport();
    const link = new BusLink({
      transport,
      key: own,
      replica: randomBytes(8).toString('hex'),
      epoch: randomBytes(8).toString('hex'),
      clock,
      metrics: { bus: ({ event }) => events.push(event), busDelivery: () => undefined },
      tell: (told) => news.push(told),
    });
    link.start();
    return { link, transport, news, events, heard: () => news.splice(0) };
  };
  return { clock, medium, key, replica };
}

async function trusting() {
  const made = world();
  const [one, other] = [made.replica(), made.replica()];
  await one.link.beat();
  await other.link.beat();
  one.heard();
  other.heard();
  const second = async (...beating: readonly (typeof one)[]): Promise<void> => {
    made.clock.advance(1_000);
    for (const { link } of beating) await link.beat();
  };
  return { ...made, one, other, second };
}

describe('a link between replicas (S32)', () => {
  it('is trusted when it carries its own messages back, and then everything is read again', async () => {
    const { replica } = world();
    const one = replica();
    expect([one.link.trusted, one.link.connected]).toEqual([false, false]);
    await one.link.beat();
    expect([one.link.trusted, one.link.connected, one.news]).toEqual([true, true, [{ topic: 'missed' }]]);
  });

  it('R5.4: counts who is there; while it is cut as many as there were, and the dead no more when they are known to be', async () => {
    const { one, other, replica, second } = await trusting();
    const third = replica();
    await second(one, other, third);
    await second(one, other, third);
    expect(one.link.others).toBe(2);
    one.link.interrupted(new Error('cut'));
    for (let count = 0; count < 70; count += 1) await second();
    await one.link.beat();
    expect(one.link.others).toBe(2);
    await second(one, other);
    await second(one, other);
    expect(one.link.others).toBe(1);
    await other.link.close();
    await second(one);
    expect(one.link.others).toBe(0);
  });

  it('tells the others what changed, by id and version', async () => {
    const { one, other, medium } = await trusting();
    await one.link.announce(revoked(7));
    expect([one.heard(), other.heard()]).toEqual([[], [revoked(7)]]);
    expect(medium.sent.at(-1)?.toString()).toContain('"version":7');
  });

  it('throws a forged message away, and goes on trusting', async () => {
    const { one, other, medium, replica } = await trusting();
    const stranger = replica(createSecretKey(randomBytes(32)));
    await stranger.link.announce(revoked(9));
    const real = medium.sent.at(-2)?.toString() ?? '';
    medium.deliver(Buffer.from(real.replace('"sequence":1', '"sequence":9')));
    medium.deliver(Buffer.from(`keyhold-bus-1.${'A'.repeat(43)}.{}`));
    for (const noise of ['', 'hello', 'keyhold-bus-1.x.{}', `keyhold-bus-2.${'A'.repeat(43)}.{}`]) medium.deliver(Buffer.from(noise));
    medium.deliver(Buffer.alloc(1_000_000, 'x'));
    expect([one.heard(), other.heard(), one.link.trusted]).toEqual([[], [], true]);
    expect(other.events.filter((event) => event === 'forged').length).toBe(3);
    expect(other.events.filter((event) => event === 'unreadable').length).toBe(5);
  });

  it('throws a repeated message away, another\'s and its own', async () => {
    const { one, other, medium } = await trusting();
    medium.passes = (bytes) => [bytes, bytes];
    await one.link.announce(revoked(7));
    expect(other.heard()).toEqual([revoked(7)]);
    expect([one.events, other.events.at(-1)]).toEqual([expect.arrayContaining(['replayed']), 'replayed']);
    expect([one.link.trusted, other.link.trusted]).toEqual([true, true]);
  });

  it('notices that one was lost with the next one, distrusts, and reads everything again', async () => {
    const { one, other, medium, second } = await trusting();
    medium.passes = () => [];
    await one.link.announce(revoked(7));
    medium.passes = (bytes) => [bytes];
    await one.link.announce(revoked(8));
    expect([other.heard(), other.link.trusted, other.link.connected]).toEqual([[{ topic: 'missed' }, revoked(8)], false, true]);
    expect(other.events).toContain('gap');
    await second(one, other);
    expect([other.heard(), other.link.trusted]).toEqual([[{ topic: 'missed' }], true]);
  });

  it('takes messages in another order for a lost one', async () => {
    const { one, other, medium } = await trusting();
    const held: Buffer[] = [];
    medium.passes = (bytes) => (held.push(bytes), []);
    await one.link.announce(revoked(7));
    await one.link.announce(revoked(8));
    for (const bytes of held.toReversed()) medium.deliver(bytes);
    expect([other.heard(), other.link.trusted]).toEqual([[{ topic: 'missed' }, revoked(8)], false]);
  });

  it('distrusts when somebody falls silent for three heartbeats, until it is heard, says goodbye, or has been silent for a minute', async () => {
    const { one, other, second } = await trusting();
    for (let count = 0; count < 3; count += 1) await second(one);
    expect(one.link.trusted).toBe(true);
    await second(one);
    expect([one.link.trusted, one.link.connected, one.heard()]).toEqual([false, false, [{ topic: 'missed' }]]);
    await other.link.beat();
    await second(one);
    expect([one.link.trusted, one.heard()]).toEqual([true, [{ topic: 'missed' }]]);
    for (let count = 0; count < 10; count += 1) await second(one);
    expect(one.link.trusted).toBe(false);
    for (let count = 0; count < 60; count += 1) await second(one);
    expect(one.link.trusted).toBe(true);
  });

  it('is not held up by somebody who has said goodbye', async () => {
    const { one, other, second } = await trusting();
    await other.link.close();
    for (let count = 0; count < 10; count += 1) await second(one);
    expect([one.link.trusted, one.heard()]).toEqual([true, []]);
  });

  it('distrusts a medium that takes messages and carries nothing', async () => {
    const { one, medium, second } = await trusting();
    medium.passes = () => [];
    for (let count = 0; count < 4; count += 1) await second(one);
    expect([one.link.trusted, one.link.connected]).toEqual([false, false]);
  });

  it('a process that stood still notices by being asked, before any timer, and does not take for news what it said before', async () => {
    const { one, other, medium, clock } = await trusting();
    const held: Buffer[] = [];
    medium.passes = (bytes) => (held.push(bytes), []);
    await one.link.beat();
    clock.advance(3_001);
    expect([one.heard(), one.link.trusted, one.heard()]).toEqual([[], false, [{ topic: 'missed' }]]);
    for (const bytes of held) medium.deliver(bytes);
    expect([one.link.trusted, one.link.connected]).toEqual([false, false]);
    medium.passes = (bytes) => [bytes];
    await other.link.beat();
    await one.link.beat();
    expect([one.link.trusted, one.heard()]).toEqual([true, [{ topic: 'missed' }]]);
  });

  it('while it is cut off a change does not fail; afterwards both sides read everything again', async () => {
    const { one, other, medium, second } = await trusting();
    medium.cut(one.transport);
    expect([one.link.trusted, one.heard()]).toEqual([false, [{ topic: 'missed' }]]);
    await one.link.announce(revoked(7));
    expect(one.events.at(-1)).toBe('failed');
    medium.mend(one.transport);
    await second(one);
    expect(other.heard()).toEqual([{ topic: 'missed' }]);
    expect([one.link.trusted, one.heard()]).toEqual([true, [{ topic: 'missed' }]]);
    await second(other, one);
    expect([other.link.trusted, other.heard()]).toEqual([true, [{ topic: 'missed' }]]);
  });

  it('says to a replica that never heard it before what it owes', async () => {
    const { one, medium, replica, second } = await trusting();
    medium.cut(one.transport);
    const late = replica();
    await late.link.beat();
    late.heard();
    await one.link.announce(revoked(7));
    medium.mend(one.transport);
    await second(one);
    expect(late.heard()).toEqual([{ topic: 'missed' }]);
  });

  it('says what it owes before it says goodbye, also to one that never heard it', async () => {
    const { one, medium, replica } = await trusting();
    medium.cut(one.transport);
    const late = replica();
    await late.link.beat();
    late.heard();
    await one.link.announce(revoked(7));
    medium.mend(one.transport);
    await one.link.close();
    expect(late.heard()).toEqual([{ topic: 'missed' }]);
  });

  it('reads everything again for a topic of a newer version', async () => {
    const { one, other, key, medium, clock } = await trusting();
    const says = { kind: 'changed', message: { topic: 'a-newer-topic', id: 'x', version: 1 } } as unknown as { readonly kind: 'alive' };
    medium.deliver(sealed(key, { sender: randomBytes(8).toString('hex'), epoch: randomBytes(8).toString('hex'), sequence: 1, sentAt: clock.monotonic(), says }));
    expect([one.heard(), other.heard(), other.link.trusted]).toEqual([[{ topic: 'missed' }], [{ topic: 'missed' }], false]);
  });

  it('a name that is longer than a message is announced all the same', async () => {
    const { one, other, medium } = await trusting();
    await one.link.announce({ topic: 'tenant', tenant: 'x'.repeat(10_000), version: 2 });
    expect(Math.max(...medium.sent.map(({ length }) => length))).toBeLessThanOrEqual(LARGEST_MESSAGE);
    expect(other.heard()).toEqual([{ topic: 'missed' }]);
  });
});
