import { generateKeyPairSync } from 'node:crypto';
import { exportJWK, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { TEST_ISSUER, testIssuer } from '../../../test/support/test-issuer.ts';
import { LogoutTokenCheck } from './logout-token-check.ts';
import { Provider } from './provider.ts';

const NOW = Date.UTC(2026, 10, 1) / 1000;
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const EVENT = { 'http://schemas.openid.net/event/backchannel-logout': {} };
let ids = 0;

async function setUp() {
  const clock = { now: () => NOW * 1000, monotonic: () => 0 };
  const answers = { read: async () => ({ keys: [{ ...(await exportJWK(key.publicKey)), kid: 'one' }] }) };
  const issuers = [testIssuer({ client: { id: 'keyhold', secret: null }, jwksUrl: 'https://keys.example.com' }), testIssuer({ issuer: 'https://other.example.com', jwksUrl: 'https://keys.example.com' })];
  return new LogoutTokenCheck(new Map(issuers.map((issuer) => [issuer.issuer, new Provider({ issuer, answers, clock })])), clock);
}

function token(change: Readonly<Record<string, unknown>> = {}, header: Readonly<Record<string, unknown>> = {}, by = key.privateKey): Promise<string> {
  ids += 1;
  return new SignJWT({ iss: TEST_ISSUER, aud: 'keyhold', sub: 'ada', sid: 's1', iat: NOW, exp: NOW + 120, jti: `id-${ids}`, events: EVENT, ...change }).setProtectedHeader({ alg: 'ES256', kid: 'one', typ: 'logout+jwt', ...header }).sign(by);
}

describe('logout tokens (S23, OpenID Connect Back-Channel Logout 1.0)', () => {
  it('name a session, a user, or both, and count once', async () => {
    const check = await setUp();
    const text = await token();
    expect(await check.check(text)).toEqual({ issuer: TEST_ISSUER, sid: 's1', subject: 'ada' });
    expect(await check.check(text)).toBeUndefined();
    expect(await check.check(await token({ sid: undefined }))).toEqual({ issuer: TEST_ISSUER, sid: undefined, subject: 'ada' });
    expect(await check.check(await token({ sub: undefined }, { typ: undefined }))).toEqual({ issuer: TEST_ISSUER, sid: 's1', subject: undefined });
  });

  it('are nothing else that a provider signs, and nothing that it does not', async () => {
    const check = await setUp();
    const good = await token();
    const forged: Readonly<Record<string, string>> = {
      'an ID token': await token({ events: undefined, nonce: 'n' }, { typ: 'JWT' }),
      'with a nonce': await token({ nonce: 'n' }),
      'an access token': await token({}, { typ: 'at+jwt' }),
      'another event': await token({ events: { 'http://schemas.openid.net/event/other': {} } }),
      'an event that is no object': await token({ events: { [Object.keys(EVENT)[0] ?? '']: true } }),
      'no events': await token({ events: undefined }),
      'neither session nor user': await token({ sid: undefined, sub: undefined }),
      'no id': await token({ jti: undefined }),
      'another client\'s': await token({ aud: 'other' }),
      'another issuer\'s': await token({ iss: 'https://evil.example.com' }),
      'an issuer\'s without a client': await token({ iss: 'https://other.example.com' }),
      'an old one': await token({ iat: NOW - 400, exp: NOW + 60 }),
      'one that has expired': await token({ exp: NOW - 31 }),
      'one of the future': await token({ iat: NOW + 60 }),
      'a stranger\'s': await token({}, {}, stranger.privateKey),
      'unsigned': `${Buffer.from('{"alg":"none"}').toString('base64url')}.${good.split('.')[1] ?? ''}.`,
      'no token': 'nonsense',
      'too long a one': await token({ more: 'x'.repeat(9_000) }),
    };
    const taken = await Promise.all(Object.entries(forged).map(async ([name, text]) => ((await check.check(text)) === undefined ? [] : [name])));
    expect(taken.flat()).toEqual([]);
    expect(await check.check(good)).toBeDefined();
  });
});
