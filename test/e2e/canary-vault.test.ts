import { afterAll, beforeAll, expect, it } from 'vitest';
import { CanaryVault } from '../support/canary/canary-vault.ts';
import { CanaryWorld, TENANT } from '../support/canary/canary-world.ts';
import { callProviders, callQuotingProviders } from '../support/canary/gateway-calls.ts';
import { handOverKeys, handOverWrongly, makeCallers } from '../support/canary/hand-overs.ts';
import { askForEverything, changeTheWrapper, dieWhileInUse, makeAdministrator, sealAndUnseal, startAgain, startFirst } from '../support/canary/life.ts';
import { misplaceKeys } from '../support/canary/misplaced-keys.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';

let world: CanaryWorld;
let vault: CanaryVault;

describeWithVault('R10.1 with keys in Vault: recognisable keys go through everything, and are found nowhere', () => {
  beforeAll(async () => {
    world = await CanaryWorld.create();
    vault = await CanaryVault.startFor(world);
  });
  afterAll(async () => {
    await world.close();
    await vault.close();
  });

  it('the start, with the service\'s own keys in Vault', () => startFirst(world));

  it('tenants, tokens, gateway keys', () => makeCallers(world));

  it('every way to hand over a key', () => handOverKeys(world));

  it('every way to hand over a key wrongly', () => handOverWrongly(world));

  it('keys and tokens in places where they do not belong', () => misplaceKeys(world));

  it('the gateway: every route, stream and failure, with keys of every source', () => callProviders(world));

  it('S1: providers that tell callers their key', () => callQuotingProviders(world));

  it('the own keys from Vault', () => vault.serveOwnKeys());

  it('S20: a Vault that quotes what it was sent and what it keeps', () => vault.quoteEverything());

  it('a diagnostic report while keys are in use, and the death of the process', () => dieWhileInUse(world));

  it('starts after the kill', () => startAgain(world, [450]));

  it('the emergency stop and its end', () => sealAndUnseal(world));

  it('the root key in a passphrase\'s keeping', () => changeTheWrapper(world));

  it('everything that tells', async () => {
    await askForEverything(world);
  });

  it('a new administrator\'s token on the stopped folder', () => makeAdministrator(world));

  it('finds no trace of any of them, nor in Vault\'s own audit file and server log, nor in Redis', async () => {
    await vault.look();
    await world.lookIntoRedis();
    expect(new Set(world.evidence.traces(world.canaries))).toEqual(new Set());
  });

  it('looked where they could have been: what is no secret is in all these places', () => {
    const places = world.evidence.holding(TENANT);
    for (const place of ['keyhold.db', 'journal', 'output', 'answer 200', 'audit file of Vault', 'messages over Redis']) expect(places.some((where) => where.includes(place)), place).toBe(true);
    expect(world.evidence.holding(':value:')).toContain('files of Redis');
    expect(world.evidence.holding('ai-gateway-policy')).toEqual(expect.arrayContaining([expect.stringContaining('of Vault')]));
    for (const place of ['tenant-openai', 'platform-mistral', 'explicit']) expect(world.provider.requests.some(({ key }) => key.startsWith(`canary-key-${place}-`)), place).toBe(true);
  });
});
