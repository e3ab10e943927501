import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OutageProof, outageTestMs, runsLong } from '../support/outage-proof.ts';
import { until } from '../support/outcome.ts';
import { type Fault, type FaultProxy, startFaultProxy } from '../support/servers/fault-proxy.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { request } from '../support/steady-requests.ts';
import { startVaultWorld, type VaultWorld } from '../support/vault-world.ts';

const json = { 'content-type': 'application/json' };
/** Met by whoever stands before the port alone; everything else is shown on a few keys in the resolver's own tests. */
const faults: readonly (readonly [string, Fault])[] = [
  ['answers a byte at a time', { kind: 'trickle', bytes: 1 }],
  ...(runsLong
    ? ([
        ['takes connections and says nothing', { kind: 'silence' }],
        ['breaks every connection', { kind: 'drop-request' }],
        ['fails inside (500)', { kind: 'answer', status: 500, headers: json, body: '{"errors":["internal error"]}' }],
        ['has too much to do (429)', { kind: 'answer', status: 429, headers: { ...json, 'retry-after': '30' }, body: '{"errors":["rate limit quota exceeded"]}' }],
      ] as const)
    : []),
];

let world: VaultWorld;
let proxy: FaultProxy;
let proof: OutageProof;

describeWithVault('R3.3 DESIGN «Stale serving»: nobody notices when Vault', () => {
  beforeAll(async () => {
    world = await startVaultWorld({ storage: 'file' });
    proxy = await startFaultProxy(world.vault.address);
    proof = new OutageProof(world);
  });
  afterAll(async () => {
    await world.close();
    await proxy.close();
  });

  describe('itself', () => {
    beforeAll(() => proof.serve());

    it('is killed, and refuses connections', () => proof.prove({ begin: () => world.vault.kill(), end: () => world.vault.start() }), outageTestMs);
    it('stands still (SIGSTOP)', () => proof.prove({ begin: () => world.vault.pause(), end: () => world.vault.resume() }), outageTestMs);
    if (runsLong) it('is sealed', () => proof.prove({ begin: () => world.vault.seal(), end: () => world.vault.unseal() }), outageTestMs);
  });

  describe('behind its network', () => {
    beforeAll(async () => {
      await world.product().stop();
      await proof.serve({ env: { VAULT_ADDR: proxy.url } });
    });

    it.each(faults)('%s', async (_name, fault) => {
      let asked = 0;
      const answers = await proof.prove({
        begin: () => {
          proxy.requests.length = 0;
          proxy.break(fault);
        },
        end: () => proxy.heal(),
        during: async () => void (asked = proxy.requests.length),
      });
      // Vault has been asked now and then, not for each request.
      expect(asked).toBeLessThan(answers.length);
    }, outageTestMs);
  });

  it('beyond the limit what is cached is unavailable, too, and says when to come again', async () => {
    await world.product().stop();
    await proof.serve({ limitSeconds: 3, env: { VAULT_ADDR: proxy.url } });
    const [key = ''] = await proof.newKeys(1);
    const { url } = world.product();
    expect(await request(url, key)).toMatchObject({ status: 200, stale: 0 });
    proxy.break({ kind: 'drop-request' });
    await until('it is beyond the limit', async () => (await request(url, key)).status === 503);
    const answer = await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
    expect([answer.status, Number(answer.headers.get('retry-after')) > 0]).toEqual([503, true]);
    expect(world.product().logLines().find(({ event }) => event === 'serving_stale')).toMatchObject({ level: 'warn', name: 'vault', count: 1 });
    proxy.heal();
    await until('it serves again', async () => (await request(url, key)).status === 200);
  }, outageTestMs);
});
