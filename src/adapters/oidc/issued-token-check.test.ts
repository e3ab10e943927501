import { createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, SignJWT, type JWTPayload } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Issuer } from '../../core/access/issuer.ts';
import { testIssuer } from '../../../test/support/test-issuer.ts';
import { Egress } from '../../egress/egress.ts';
import { IssuedTokenCheck } from './issued-token-check.ts';
import { ProviderAnswers } from './provider-answers.ts';
import { Provider } from './provider.ts';

const AUDIENCE = 'https://keyhold.example.com';
const START = Date.UTC(2026, 10, 1);
const NOW = START / 1000;
const first = generateKeyPairSync('rsa', { modulusLength: 2048 });
const second = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });

let issuer: Issuer;
let published: readonly unknown[] = [];
let status = 200;
let reads = 0;
const server = createServer((request, response) => {
  reads += 1;
  const isDiscovery = request.url === '/.well-known/openid-configuration';
  response.writeHead(status, { 'content-type': 'application/json', location: '/elsewhere' });
  response.end(JSON.stringify(isDiscovery ? { issuer: issuer.issuer, jwks_uri: `${issuer.issuer}/keys` } : { keys: published }));
});

beforeAll(async () => {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  issuer = testIssuer({ issuer: `http://127.0.0.1:${port}`, audience: AUDIENCE });
});

afterAll(() => new Promise((resolve) => void server.close(resolve)));

async function setUp({ allowHosts = ['127.0.0.1'], change = {} }: { allowHosts?: readonly string[]; change?: Partial<Issuer> } = {}) {
  let time = START;
  published = [{ ...(await exportJWK(first.publicKey)), kid: 'one', use: 'sig' }];
  status = 200;
  reads = 0;
  const clock = { now: () => time, monotonic: () => time };
  const answers = new ProviderAnswers(new Egress({ allowHosts }));
  return { check: new IssuedTokenCheck({ providers: [new Provider({ issuer: { ...issuer, ...change }, answers, clock })], clock }), answers, pass: (ms: number) => (time += ms) };
}

function claims(change: Readonly<Record<string, unknown>> = {}): JWTPayload {
  return { iss: issuer.issuer, sub: 'ada', aud: AUDIENCE, iat: NOW, exp: NOW + 300, ...change };
}

function token(change: Readonly<Record<string, unknown>> = {}, header: Record<string, unknown> = {}, key = first.privateKey): Promise<string> {
  return new SignJWT(claims(change)).setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid: 'one', ...header }).sign(key);
}

/** Signed like a right one, whatever it says: jose makes no such tokens. */
function raw(header: string, payload: string): string {
  const text = `${Buffer.from(header).toString('base64url')}.${Buffer.from(payload).toString('base64url')}`;
  return `${text}.${sign('sha256', Buffer.from(text), first.privateKey).toString('base64url')}`;
}

describe('tokens of identity providers (S23)', () => {
  it('takes an access token for us, signed by a key that discovery leads to', async () => {
    const { check } = await setUp();
    expect(await check.check(await token())).toEqual({ issuer: issuer.issuer, subject: 'ada', issuedAt: START, expiresAt: START + 300_000 });
    expect(await check.check(await token({ aud: ['other', AUDIENCE] }))).toBeDefined();
    expect(reads).toBe(2);
  });

  it('refuses every usual forgery', async () => {
    const { check } = await setUp();
    const header = { alg: 'RS256', typ: 'at+jwt', kid: 'one' };
    const good = raw(JSON.stringify(header), JSON.stringify(claims()));
    expect(await check.check(good)).toBeDefined();
    const [head = '', body = '', signature = ''] = good.split('.');
    const unsigned = (alg: string) => `${Buffer.from(JSON.stringify({ ...header, alg })).toString('base64url')}.${body}`;
    const confused = (secret: string | Buffer) => `${unsigned('HS256')}.${createHmac('sha256', secret).update(unsigned('HS256')).digest('base64url')}`;
    const publicKey = createPublicKey(first.privateKey);
    const own = await exportJWK(stranger.publicKey);
    const forged: Readonly<Record<string, string>> = {
      'alg none': `${unsigned('none')}.`,
      'alg none with a signature': `${unsigned('none')}.${signature}`,
      'alg nOnE': `${unsigned('nOnE')}.${signature}`,
      'HS256 with the public key as PEM': confused(publicKey.export({ type: 'spki', format: 'pem' })),
      'HS256 with the public key as DER': confused(publicKey.export({ type: 'spki', format: 'der' })),
      'another RSA algorithm than it was signed by': `${unsigned('PS256')}.${signature}`,
      'an algorithm of another kind of key': `${unsigned('ES256')}.${signature}`,
      'a stranger\'s key': await token({}, {}, stranger.privateKey),
      'a stranger\'s key in jwk': await token({}, { jwk: own }, stranger.privateKey),
      'another audience': await token({ aud: 'https://other.example.com' }),
      'no audience': await token({ aud: undefined }),
      'another issuer': await token({ iss: 'https://login.other.example.com' }),
      'the issuer with a slash': await token({ iss: `${issuer.issuer}/` }),
      'expired': await token({ iat: NOW - 600, exp: NOW - 31 }),
      'no end': await token({ exp: undefined }),
      'not yet valid': await token({ nbf: NOW + 31 }),
      'issued in the future': await token({ iat: NOW + 31 }),
      'no time of issue': await token({ iat: undefined }),
      'no subject': await token({ sub: undefined }),
      'an empty subject': await token({ sub: '' }),
      'an ID token': await token({}, { typ: 'JWT' }),
      'no type': await token({}, { typ: undefined }),
      'jku': await token({}, { jku: 'https://evil.example.com/keys' }),
      'x5u': await token({}, { x5u: 'https://evil.example.com/chain' }),
      'x5c': await token({}, { x5c: ['MIIB'] }),
      'jwk of the right key': await token({}, { jwk: await exportJWK(first.publicKey) }),
      'crit': raw(JSON.stringify({ ...header, crit: ['exp'], exp: NOW + 300 }), JSON.stringify(claims())),
      'cut off': good.slice(0, -8),
      'without a signature': `${head}.${body}.`,
      'two parts': `${head}.${body}`,
      'five parts': `${head}.${body}.${body}.${body}.${signature}`,
      'padded': `${head}.${body}.${signature}=`,
      'a changed payload': `${head}.${Buffer.from(JSON.stringify(claims({ sub: 'eve' }))).toString('base64url')}.${signature}`,
      'a claim twice': raw(JSON.stringify(header), JSON.stringify(claims()).replace('"sub":"ada"', '"sub":"ada","sub":"eve"')),
      'a header twice': raw('{"alg":"RS256","typ":"JWT","typ":"at+jwt","kid":"one"}', JSON.stringify(claims())),
      'no objects': raw('[]', '[]'),
      'far too long': await token({ more: 'x'.repeat(9_000) }),
    };
    const taken = await Promise.all(Object.entries(forged).map(async ([name, text]) => ((await check.check(text)) === undefined ? [] : [name])));
    expect(taken.flat()).toEqual([]);
  });

  it('takes other types of an issuer that is said to have them, where a scope, and nothing that ID tokens have, says what they are', async () => {
    const { check } = await setUp({ change: { accessTokenType: 'jwt', client: { id: 'keyhold-web', secret: null } } });
    const taken = async (change: Readonly<Record<string, unknown>>, typ: string | undefined = 'JWT') => (await check.check(await token({ scope: 'keys', ...change }, { typ }))) !== undefined;
    expect(await Promise.all([taken({}), taken({ scope: undefined, scp: ['keys'] }), taken({ typ: 'Bearer', sid: 's' }), taken({ scope: undefined }, 'at+jwt'), taken({}, 'application/at+jwt')])).toEqual([true, true, true, true, true]);
    expect(await check.check(await token({ scope: 'keys' }, { typ: undefined }))).toBeDefined();
    const others = [{ nonce: 'n' }, { at_hash: 'h' }, { c_hash: 'h' }, { events: {} }, { typ: 'ID' }, { typ: 'Refresh' }, { scope: undefined }, { scope: '' }, { scope: 1 }, { aud: [AUDIENCE, 'keyhold-web'] }];
    expect(await Promise.all(others.map((change) => taken(change)))).toEqual(others.map(() => false));
    expect(await Promise.all(['logout+jwt', 'dpop+jwt', 'secevent+jwt'].map((typ) => taken({}, typ)))).toEqual([false, false, false]);
    const { check: none } = await setUp({ change: { audience: null } });
    expect(await none.check(await token())).toBeUndefined();
  });

  it('finds a new key when a token names it, asks every 30 s at most for one that is not there, and forgets one that was taken back', async () => {
    const { check, pass } = await setUp();
    expect(await check.check(await token())).toBeDefined();
    const rotated = await token({ exp: NOW + 3_600 }, { kid: 'two', alg: 'ES256' }, second.privateKey);
    for (let tries = 0; tries < 5; tries += 1) expect(await check.check(rotated)).toBeUndefined();
    expect(reads).toBe(2);
    published = [{ ...(await exportJWK(second.publicKey)), kid: 'two', use: 'sig' }];
    pass(30_000);
    expect(await check.check(rotated)).toBeDefined();
    expect(await check.check(await token({ exp: NOW + 3_600 }))).toBeUndefined();
    expect(reads).toBe(4);
  });

  it('goes by the keys it has while the provider is away, for an hour, and says unavailable where it has none', async () => {
    const { check, pass } = await setUp();
    const long = await token({ exp: NOW + 7_200 });
    status = 503;
    await expect(check.check(long)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(check.check(long)).rejects.toMatchObject({ code: 'unavailable' });
    expect(reads).toBe(1);
    status = 200;
    pass(30_000);
    expect(await check.check(long)).toBeDefined();
    status = 302;
    pass(1_800_000);
    expect(await check.check(long)).toBeDefined();
    pass(1_800_000);
    await expect(check.check(long)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('goes to no address that egress refuses (S33)', async () => {
    const { check } = await setUp({ allowHosts: [] });
    await expect(check.check(await token())).rejects.toMatchObject({ code: 'unavailable' });
    expect(reads).toBe(0);
  });
});
