import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { gatewayKeyRecord } from '../../../test/support/gateway-key-record.ts';
import { createInProcessBus } from '../../adapters/bus/in-process.ts';
import { createMemoryStore } from '../../adapters/metadata-store/memory/memory-store.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { GatewayKeyRecord, TokenRecord } from '../../ports/metadata/access.ts';
import type { Metrics } from '../../ports/metrics.ts';
import { platformScope, tenantScope } from '../../ports/scope.ts';
import { CustomRoles } from './custom-roles.ts';
import { Principals, type PrincipalsDependencies } from './principals.ts';
import { mintToken, type TokenKind, tokenDigest } from './token-text.ts';

const both: readonly TokenKind[] = ['g', 't'];
const metrics: Pick<Metrics, 'cache'> = { cache: () => undefined };

function setUp(options: Pick<PrincipalsDependencies, 'adminTokenUsed'> & { bootstrap?: string } = {}) {
  let time = 1_000_000;
  const clock = { now: () => time, monotonic: () => time };
  const store = createMemoryStore();
  const bus = createInProcessBus();
  const database = { down: false, reads: 0 };
  const guarded = <K, R>(get: (key: K) => Promise<R>) => async (key: K) => {
    database.reads += 1;
    if (database.down) throw new KeyholdError('unavailable', 'The database does not answer.');
    return get(key);
  };
  const tokens = Object.assign(Object.create(store.tokens), { get: guarded((key: { id: string }) => store.tokens.get(key)) });
  const gatewayKeys = Object.assign(Object.create(store.gatewayKeys), { get: guarded((key: { id: string }) => store.gatewayKeys.get(key)) });
  const principals = new Principals({
    tokens,
    gatewayKeys,
    customRoles: new CustomRoles({ roles: store.roles, bus, clock, metrics: metrics as Metrics }),
    bus,
    clock,
    metrics: metrics as Metrics,
    bootstrap: options.bootstrap === undefined ? null : { digest: tokenDigest(options.bootstrap) },
    ...(options.adminTokenUsed === undefined ? {} : { adminTokenUsed: options.adminTokenUsed }),
  });

  async function addToken(change: Partial<TokenRecord> = {}) {
    const minted = mintToken('t', randomBytes);
    const record: TokenRecord = {
      id: minted.id,
      scope: tenantScope('acme'),
      name: 'ci',
      role: 'tenant-admin',
      digests: [{ digest: minted.digest, validUntil: null }],
      origin: 'api',
      createdAt: time,
      createdBy: 'x',
      expiresAt: null,
      revokedAt: null,
      idempotency: null,
      ...change,
    };
    await store.tokens.create({ id: minted.id }, record);
    return { id: minted.id, text: minted.text.reveal(), digest: minted.digest };
  }

  async function addKey(change: Partial<GatewayKeyRecord> = {}) {
    const minted = mintToken('g', randomBytes);
    const record = gatewayKeyRecord({ id: minted.id, digests: [{ digest: minted.digest, validUntil: null }], hint: 'abcd', createdAt: time, createdBy: 'x', ...change });
    await store.gatewayKeys.create({ id: minted.id }, record);
    return { id: minted.id, text: minted.text.reveal(), digest: minted.digest };
  }

  async function changeKey(id: string, change: Partial<GatewayKeyRecord>) {
    const stored = await store.gatewayKeys.get({ id });
    if (stored === undefined) throw new Error('no such key');
    const { revision } = await store.gatewayKeys.replace({ id }, { ...stored.record, ...change }, stored.revision);
    return revision;
  }

  async function changeToken(id: string, change: Partial<TokenRecord>) {
    const stored = await store.tokens.get({ id });
    if (stored === undefined) throw new Error('no such token');
    const { revision } = await store.tokens.replace({ id }, { ...stored.record, ...change }, stored.revision);
    return revision;
  }

  return { principals, store, bus, database, addToken, addKey, changeKey, changeToken, advance: (ms: number) => (time += ms), now: () => time };
}

describe('Principals (S22)', () => {
  it('a token gives its role and scope, a gateway key its tenant and its record', async () => {
    const { principals, addToken, addKey } = setUp();
    const token = await addToken({ role: 'tenant-member' });
    expect(await principals.authenticate(token.text, both)).toEqual({
      actor: { kind: 'token', id: token.id, role: 'tenant-member', scope: tenantScope('acme') },
      gatewayKey: null,
    });
    const key = await addKey({ services: ['stripe'] });
    const principal = await principals.authenticate(key.text, both);
    expect(principal?.actor).toEqual({ kind: 'gateway-key', id: key.id, role: 'gateway-key', scope: tenantScope('acme') });
    expect(principal?.gatewayKey).toMatchObject({ id: key.id, services: ['stripe'] });
  });

  it('kinds that a route does not accept are unknown there, without a look at the database', async () => {
    const { principals, addToken, addKey, database } = setUp();
    const token = await addToken();
    const key = await addKey();
    expect(await principals.authenticate(token.text, ['g'])).toBeUndefined();
    expect(await principals.authenticate(key.text, ['t'])).toBeUndefined();
    expect(await principals.authenticate(mintToken('p', randomBytes).text.reveal(), ['p', 's', 't'])).toBeUndefined();
    expect(database.reads).toBe(0);
  });

  it('a key is not a token of the same id, nor the other way round', async () => {
    const { principals, store } = setUp();
    const minted = mintToken('g', randomBytes, 'aaaaaaaaaaaaaaaa');
    await store.tokens.create(
      { id: minted.id },
      { id: minted.id, scope: platformScope, name: 'x', role: 'platform-admin', digests: [{ digest: minted.digest, validUntil: null }], origin: 'api', createdAt: 0, createdBy: 'x', expiresAt: null, revokedAt: null, idempotency: null },
    );
    expect(await principals.authenticate(minted.text.reveal(), both)).toBeUndefined();
  });

  it('an unknown id and a wrong secret under a known id are unknown', async () => {
    const { principals, addToken } = setUp();
    const token = await addToken();
    expect(await principals.authenticate(mintToken('t', randomBytes).text.reveal(), both)).toBeUndefined();
    expect(await principals.authenticate(mintToken('t', randomBytes, token.id).text.reveal(), both)).toBeUndefined();
  });

  it('a token counts until its expiry, decided at the moment of use even when it is cached', async () => {
    const { principals, addToken, now, advance } = setUp();
    const token = await addToken({ expiresAt: now() + 5_000 });
    expect(await principals.authenticate(token.text, both)).toBeDefined();
    advance(4_999);
    expect(await principals.authenticate(token.text, both)).toBeDefined();
    advance(1);
    expect(await principals.authenticate(token.text, both)).toBeUndefined();
  });

  it('during a rotation both texts count, the old one until its time is over', async () => {
    const { principals, addKey, changeKey, now, advance } = setUp();
    const key = await addKey();
    const renewed = mintToken('g', randomBytes, key.id);
    await changeKey(key.id, { digests: [{ digest: renewed.digest, validUntil: null }, { digest: key.digest, validUntil: now() + 3_000 }] });
    expect(await principals.authenticate(key.text, both)).toBeDefined();
    expect(await principals.authenticate(renewed.text.reveal(), both)).toBeDefined();
    advance(3_000);
    expect(await principals.authenticate(key.text, both)).toBeUndefined();
    expect(await principals.authenticate(renewed.text.reveal(), both)).toBeDefined();
  });

  it('a revoked token, a revoked key and a disabled key are unknown as soon as the change is announced', async () => {
    const { principals, addToken, addKey, changeKey, changeToken, bus, now } = setUp();
    const token = await addToken();
    const key = await addKey();
    const disabled = await addKey();
    for (const { text } of [token, key, disabled]) expect(await principals.authenticate(text, both)).toBeDefined();
    await bus.publish({ topic: 'token', id: token.id, version: await changeToken(token.id, { revokedAt: now() }) });
    await bus.publish({ topic: 'gateway-key', id: key.id, version: await changeKey(key.id, { revokedAt: now() }) });
    await bus.publish({ topic: 'gateway-key', id: disabled.id, version: await changeKey(disabled.id, { disabled: true }) });
    for (const { text } of [token, key, disabled]) expect(await principals.authenticate(text, both)).toBeUndefined();
  });

  it('a change that nobody announced is seen within 10 seconds', async () => {
    const { principals, addToken, changeToken, now, advance } = setUp();
    const token = await addToken();
    expect(await principals.authenticate(token.text, both)).toBeDefined();
    await changeToken(token.id, { revokedAt: now() });
    advance(10_000);
    expect(await principals.authenticate(token.text, both)).toBeUndefined();
  });

  it('a read that was under way while the key was revoked does not bring it back', async () => {
    const { principals, addKey, changeKey, bus, now } = setUp();
    const key = await addKey();
    const slow = principals.authenticate(key.text, both);
    const version = await changeKey(key.id, { revokedAt: now() });
    await bus.publish({ topic: 'gateway-key', id: key.id, version });
    await slow;
    expect(await principals.authenticate(key.text, both)).toBeUndefined();
  });

  it('LiteLLM#38121: while the database is down a cached key serves inside the bound, an unknown one is unavailable and never unknown', async () => {
    const { principals, addKey, database, advance } = setUp();
    const cached = await addKey();
    const other = await addKey();
    expect(await principals.authenticate(cached.text, both)).toBeDefined();
    database.down = true;
    expect(await principals.authenticate(cached.text, both)).toBeDefined();
    await expect(principals.authenticate(other.text, both)).rejects.toMatchObject({ code: 'unavailable' });
    advance(10_000);
    await expect(principals.authenticate(cached.text, both)).rejects.toMatchObject({ code: 'unavailable' });
    database.down = false;
    expect(await principals.authenticate(cached.text, both)).toBeDefined();
    expect(await principals.authenticate(other.text, both)).toBeDefined();
  });

  it('unknown ids are not kept: a key that is made afterwards counts at once, and known ones stay cached', async () => {
    const { principals, store, addKey, database } = setUp();
    const known = await addKey();
    await principals.authenticate(known.text, both);
    const minted = mintToken('g', randomBytes);
    expect(await principals.authenticate(minted.text.reveal(), both)).toBeUndefined();
    const stored = await store.gatewayKeys.get({ id: known.id });
    if (stored === undefined) throw new Error('no such key');
    await store.gatewayKeys.create({ id: minted.id }, { ...stored.record, id: minted.id, digests: [{ digest: minted.digest, validUntil: null }] });
    expect(await principals.authenticate(minted.text.reveal(), both)).toBeDefined();
    const { reads } = database;
    await principals.authenticate(known.text, both);
    expect(database.reads).toBe(reads);
  });
});

describe('KEYHOLD_ADMIN_TOKEN (S28)', () => {
  const bootstrap = 'an administrator chose this text of 44 signs';

  it('is the platform-admin token bootstrap, without a look at the database', async () => {
    const { principals, database } = setUp({ bootstrap });
    database.down = true;
    expect(await principals.authenticate(bootstrap, both)).toEqual({
      actor: { kind: 'token', id: 'bootstrap', role: 'platform-admin', scope: platformScope },
      gatewayKey: null,
    });
  });

  it('is unknown where tokens are not accepted, when it differs in one character, and when it is not set', async () => {
    const { principals } = setUp({ bootstrap });
    expect(await principals.authenticate(bootstrap, ['g'])).toBeUndefined();
    expect(await principals.authenticate(`${bootstrap} `, both)).toBeUndefined();
    expect(await setUp().principals.authenticate(bootstrap, both)).toBeUndefined();
    expect(await setUp().principals.authenticate('', both)).toBeUndefined();
  });

  it('may look like one of our own tokens', async () => {
    const lookalike = mintToken('t', randomBytes).text.reveal();
    expect((await setUp({ bootstrap: lookalike }).principals.authenticate(lookalike, both))?.actor.id).toBe('bootstrap');
  });
});

describe('the first use of a platform-admin token made by the API (S28)', () => {
  it('is told, and waited for', async () => {
    const used: string[] = [];
    const { principals, addToken } = setUp({
      adminTokenUsed: async () => {
        await Promise.resolve();
        used.push('told');
      },
    });
    await principals.authenticate((await addToken({ scope: platformScope, role: 'platform-admin', origin: 'first' })).text, both);
    await principals.authenticate((await addToken({ scope: platformScope, role: 'platform-admin', origin: 'command' })).text, both);
    await principals.authenticate((await addToken({ scope: platformScope, role: 'platform-operator', origin: 'api' })).text, both);
    await principals.authenticate((await addToken({ role: 'tenant-admin', origin: 'api' })).text, both);
    expect(used).toEqual([]);
    await principals.authenticate((await addToken({ scope: platformScope, role: 'platform-admin', origin: 'api' })).text, both);
    expect(used).toEqual(['told']);
  });
});

describe('advisories', () => {
  it('CVE-2026-35030: texts that share any prefix with a valid key never share its authentication', async () => {
    const { principals, addKey } = setUp();
    const key = await addKey();
    expect(await principals.authenticate(key.text, both)).toBeDefined();
    for (let length = 0; length < key.text.length; length += 1) {
      const fill = key.text.charAt(length) === 'a' ? 'b' : 'a';
      expect(await principals.authenticate(key.text.slice(0, length) + fill.repeat(key.text.length - length), both)).toBeUndefined();
      expect(await principals.authenticate(key.text.slice(0, length), both)).toBeUndefined();
    }
    const sameId = mintToken('g', randomBytes, key.id).text.reveal();
    expect(sameId.slice(0, 22)).toBe(key.text.slice(0, 22));
    expect(await principals.authenticate(sameId, both)).toBeUndefined();
  });

  it('GHSA-69x8: the stored hash presented as a key is refused', async () => {
    const bootstrap = 'an administrator chose this text of 44 signs';
    const { principals, addKey, addToken } = setUp({ bootstrap });
    const key = await addKey();
    const token = await addToken();
    for (const digest of [key.digest, token.digest, tokenDigest(bootstrap)]) {
      for (const text of [digest, `sha256:${digest}`, `kh_g_${key.id}_${digest}`, `kh_t_${token.id}_${digest.slice(0, 49)}`]) {
        expect(await principals.authenticate(text, both)).toBeUndefined();
      }
    }
  });

  it('CVE-2026-42208: SQL in a presented key never reaches the database', async () => {
    const { principals, addKey, database } = setUp();
    await addKey();
    for (const text of ["' OR '1'='1", "kh_g_' OR 1=1 --", `kh_g_${"'or''='".padEnd(16, 'a')}_${'0'.repeat(49)}`, "'; DROP TABLE tokens; --", '" OR ""="', '%', 'kh_g_%_%', '\0', '{"$ne":null}']) {
      expect(await principals.authenticate(text, both)).toBeUndefined();
    }
    expect(database.reads).toBe(0);
  });
});
