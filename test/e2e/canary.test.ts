import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Canaries } from '../support/canary/canaries.ts';
import { CanaryWorld, TENANT } from '../support/canary/canary-world.ts';
import { Evidence } from '../support/canary/evidence.ts';
import { failToStart } from '../support/canary/failing-starts.ts';
import { callProviders, callQuotingProviders } from '../support/canary/gateway-calls.ts';
import { handOverKeys, handOverWrongly, makeCallers } from '../support/canary/hand-overs.ts';
import { adoptAndMigrate } from '../support/canary/legacy-values.ts';
import { askForEverything, changeTheWrapper, dieWhileInUse, makeAdministrator, rotateAndShred, sealAndUnseal, startAgain, startFirst } from '../support/canary/life.ts';
import { misplaceKeys } from '../support/canary/misplaced-keys.ts';
import { bringVaults } from '../support/canary/own-vaults.ts';

let world: CanaryWorld;

beforeAll(async () => {
  world = await CanaryWorld.create();
});

afterAll(async () => {
  await world.close();
});

describe('R10.1: recognisable keys go through everything, and are found nowhere', () => {
  it('starts that fail, and commands', () => failToStart(world));

  it('the start with a secret from a file', () => startFirst(world));

  it('tenants, tokens, gateway keys', () => makeCallers(world));

  it('every way to hand over a key', () => handOverKeys(world));

  it('every way to hand over a key wrongly', () => handOverWrongly(world));

  it('R3.4, R6.3: keys that an earlier system has encrypted', () => adoptAndMigrate(world));

  it('keys and tokens in places where they do not belong', () => misplaceKeys(world));

  it('the gateway: every route, stream and failure, with keys of every source', () => callProviders(world));

  it('S1: providers that tell callers their key, in every way, do not get it through', () => callQuotingProviders(world));

  it('a diagnostic report while keys are in use', () => dieWhileInUse(world));

  it('starts after the kill, one of them torn, with another administrator\'s token in the environment', () => startAgain(world, [200, 450]));

  it('the emergency stop and its end', () => sealAndUnseal(world));

  it('the root key in a passphrase\'s keeping', () => changeTheWrapper(world));

  it('new data keys for everything, and a tenant that is shredded', () => rotateAndShred(world));

  it('S20: vaults that a tenant brings, one of which says whatever it was sent', () => bringVaults(world));

  it('everything that tells: lists, usage, audit, metrics, descriptions', async () => {
    expect(await askForEverything(world)).toEqual([]);
  });

  it('a new administrator\'s token on the stopped folder', () => makeAdministrator(world));

  it('R10.1, LiteLLM#18731, LiteLLM#31620, LiteLLM#24902, Bifrost#4621: finds no trace of any of them, nor in what went through Redis (S32)', async () => {
    await world.lookIntoRedis();
    expect(new Set(world.evidence.traces(world.canaries))).toEqual(new Set());
  });

  it('would find them: what was really there is found, and every trace that is planted', () => {
    // What is no secret is in all these places, so the search looks at them.
    const places = world.evidence.holding(TENANT);
    for (const place of ['keyhold.db', 'keyhold.db-wal', 'journal', 'output', 'answer 200', 'messages over Redis']) expect(places.some((where) => where.includes(place)), place).toBe(true);
    expect(world.evidence.holding('"reportVersion"')).toHaveLength(2);
    expect(world.provider.requests.some(({ key }) => key.startsWith('canary-key-tenant-openai-'))).toBe(true);
    expect(world.provider.requests.some(({ key }) => key.startsWith('canary-key-platform-mistral-'))).toBe(true);
    expect(world.provider.requests.some(({ key }) => key.startsWith('canary-key-explicit-'))).toBe(true);

    const planted = new Canaries();
    const key = planted.mint('planted');
    const inside = (text: string): string => `{"message":"before ${text} after"}`;
    const forms: Readonly<Record<string, Buffer | string>> = {
      plain: inside(key),
      'in JSON': JSON.stringify({ key }),
      'in a URL': inside(encodeURIComponent(key)),
      base64: inside(Buffer.from(key).toString('base64')),
      'base64 of a sign-in': inside(Buffer.from(`user:${key}`).toString('base64')),
      'base64 further on': inside(Buffer.from(`Bearer ${key}`).toString('base64url')),
      hex: inside(Buffer.from(key).toString('hex')),
      'UTF-16': Buffer.from(inside(key), 'utf16le'),
      'UTF-16 BE': Buffer.from(inside(key), 'utf16le').swap16(),
      'JSON escapes': inside([...Buffer.from(key)].map((byte) => `\\u${byte.toString(16).padStart(4, '0')}`).join('')),
      'percent-encoded': inside([...Buffer.from(key)].map((byte) => `%${byte.toString(16).toUpperCase()}`).join('')),
      'its first half': inside(key.slice(0, key.length / 2 + 8)),
      'its second half': inside(key.slice(key.length / 2)),
    };
    for (const [form, bytes] of Object.entries(forms)) {
      const piece = new Evidence();
      piece.add(form, bytes);
      expect(piece.traces(planted).length, form).toBeGreaterThan(0);
    }
  });
});
