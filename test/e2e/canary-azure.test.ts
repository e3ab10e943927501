import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CanaryAzure } from '../support/canary/canary-azure.ts';
import { CanaryWorld, TENANT } from '../support/canary/canary-world.ts';
import { callProviders } from '../support/canary/gateway-calls.ts';
import { handOverKeys, handOverWrongly, makeCallers } from '../support/canary/hand-overs.ts';
import { askForEverything, dieWhileInUse, startAgain, startFirst } from '../support/canary/life.ts';

let world: CanaryWorld;
let azure: CanaryAzure;

describe('R10.1 with keys in Azure Key Vault: recognisable keys go through everything, and are found nowhere', () => {
  beforeAll(async () => {
    world = await CanaryWorld.create();
    azure = await CanaryAzure.startFor(world);
  });
  afterAll(async () => {
    await world.close();
    await azure.close();
  });

  it('the start, signed in as a service principal', () => startFirst(world));

  it('tenants, tokens, gateway keys', () => makeCallers(world));

  it('every way to hand over a key', () => handOverKeys(world));

  it('every way to hand over a key wrongly', () => handOverWrongly(world));

  it('the gateway: every route, stream and failure, with keys of every source', () => callProviders(world));

  it('R1.5 a vault that quotes what it was sent and what it keeps', () => azure.quoteEverything());

  it('a diagnostic report while keys are in use, and the death of the process', () => dieWhileInUse(world));

  it('a start with an authority that quotes what it was sent', () => azure.startWithQuotingAuthority());

  it('starts after the kill', () => startAgain(world, [450]));

  it('everything that tells', async () => {
    await askForEverything(world);
  });

  it('finds no trace of any of them, nor in what went through Redis (S32)', async () => {
    await world.lookIntoRedis();
    expect(new Set(world.evidence.traces(world.canaries))).toEqual(new Set());
  });

  it('looked where they could have been: what is no secret is in all these places', () => {
    const places = world.evidence.holding(TENANT);
    for (const place of ['keyhold.db', 'journal', 'output', 'answer 200', 'messages over Redis']) expect(places.some((where) => where.includes(place)), place).toBe(true);
    expect(azure.keeps()).toEqual(expect.arrayContaining([azure.nameOf('openai'), azure.nameOf('groq')]));
    expect(world.evidence.logLines().some(({ event }) => event === 'key_vault_authentication_failed')).toBe(true);
    for (const place of ['tenant-openai', 'platform-mistral', 'explicit']) expect(world.provider.requests.some(({ key }) => key.startsWith(`canary-key-${place}-`)), place).toBe(true);
  });
});
