import { expect, it, onTestFinished } from 'vitest';
import { SecretValue } from '../../src/ports/secret-value.ts';
import { anotherInstallation, busReplica, revoked, trusting } from '../support/bus-replica.ts';
import { eventually } from '../support/eventually.ts';
import type { TestDatabase } from '../support/servers/postgres-databases.ts';
import { startTcpProxy } from '../support/servers/tcp-proxy.ts';
import { describeWithPostgres, sharedPostgres } from '../support/servers/with-postgres.ts';

const replica = ({ name, password }: TestDatabase, { port = sharedPostgres().port, root = undefined as Parameters<typeof busReplica>[1] } = {}) =>
  busReplica({ redis: null, database: { kind: 'postgres', password: new SecretValue(password), server: { host: '127.0.0.1', port, database: name, user: name, tls: { mode: 'disable' }, connections: 2 } } }, root);

describeWithPostgres('the bus over a real PostgreSQL (R0.5, S32)', () => {
  it('carries a change to the other replicas, also one with letters of every kind, and nothing to another installation', async () => {
    const database = await sharedPostgres().create();
    const [one, other] = [await replica(database), await replica(database)];
    const stranger = await replica(database, { root: anotherInstallation });
    await trusting([one, other, stranger]);
    await one.bus.publish(revoked(7));
    await one.bus.publish({ topic: 'tenant', tenant: 'Zoë 🗝 \'"\\', version: 8 });
    await eventually(() => other.heard(7) && other.news.some((news) => news.topic === 'tenant' && news.tenant === 'Zoë 🗝 \'"\\'), () => 'The change did not arrive.');
    expect(stranger.heard(7)).toBe(false);
  });

  it('a name that is longer than PostgreSQL takes makes the others read everything again', async () => {
    const database = await sharedPostgres().create();
    const [one, other] = [await replica(database), await replica(database)];
    await trusting([one, other]);
    other.news.length = 0;
    await one.bus.publish({ topic: 'tenant', tenant: '🗝'.repeat(10_000), version: 8 });
    await eventually(() => other.news.some(({ topic }) => topic === 'missed'), () => 'Nobody noticed.');
    await trusting([one, other]);
  });

  it('when connections break, a change does not fail, and everybody reads everything again', async () => {
    const database = await sharedPostgres().create();
    const proxy = await startTcpProxy(sharedPostgres().port);
    onTestFinished(() => proxy.close());
    const [one, other] = [await replica(database), await replica(database, { port: proxy.port })];
    await trusting([one, other]);
    proxy.silence();
    proxy.cut();
    await eventually(() => !other.bus.trusted, () => 'A broken connection is trusted.');
    await other.bus.publish(revoked(6));
    await one.bus.publish(revoked(7));
    expect([other.heard(6), other.heard(7)]).toEqual([true, false]);
    await eventually(() => !one.bus.connected, () => 'Nobody misses who is cut off.');
    one.news.length = 0;
    other.news.length = 0;
    proxy.heal();
    proxy.cut();
    await trusting([one, other]);
    expect([one.news, other.news]).toEqual([expect.arrayContaining([{ topic: 'missed' }]), expect.arrayContaining([{ topic: 'missed' }])]);
    await other.bus.publish(revoked(8));
    await eventually(() => one.heard(8), () => 'Nothing arrives afterwards.');
  });
});
