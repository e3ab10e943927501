import { createHmac, createPublicKey } from 'node:crypto';
import type { JWK } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IssuedTokenCheck } from '../../src/adapters/oidc/issued-token-check.ts';
import { ProviderAnswers } from '../../src/adapters/oidc/provider-answers.ts';
import { Provider } from '../../src/adapters/oidc/provider.ts';
import { Egress } from '../../src/egress/egress.ts';
import { type IssuedByProvider, refreshed, tokensFor } from '../support/servers/oidc/issued-tokens.ts';
import { OIDC_AUDIENCE, type OidcServer, startOidcServer } from '../support/servers/oidc/oidc-server.ts';
import { testIssuer } from '../support/test-issuer.ts';

let server: OidcServer;
let other: OidcServer;
let ada: IssuedByProvider;

beforeAll(async () => {
  [server, other] = await Promise.all([startOidcServer(), startOidcServer()]);
  ada = await tokensFor(server, 'ada');
});

afterAll(() => Promise.all([server.close(), other.close()]));

function setUp() {
  let passed = 0;
  const began = Date.now();
  const clock = { now: () => began + passed, monotonic: () => passed };
  const answers = new ProviderAnswers(new Egress({ allowHosts: ['127.0.0.1'] }));
  const check = new IssuedTokenCheck({ providers: [new Provider({ issuer: testIssuer({ issuer: server.issuer, audience: OIDC_AUDIENCE }), answers, clock })], clock });
  const subjectOf = async (text: string) => (await check.check(text))?.subject;
  return { subjectOf, pass: (ms: number) => (passed += ms) };
}

function keyOf(token: string): unknown {
  return partOf(token, 0)['kid'];
}

function partOf(token: string, at: number): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[at] ?? '', 'base64url').toString()) as Record<string, unknown>;
}

function withParts(token: string, change: { readonly header?: object; readonly payload?: object; readonly signature?: string }): string {
  const packed = (at: number, more: object = {}) => Buffer.from(JSON.stringify({ ...partOf(token, at), ...more })).toString('base64url');
  return [packed(0, change.header), packed(1, change.payload), change.signature ?? token.split('.')[2]].join('.');
}

describe('access tokens of a real identity provider (S23)', () => {
  it('are taken, and those that a refresh token gives, until they expire', async () => {
    const { subjectOf, pass } = setUp();
    expect(await subjectOf(ada.accessToken)).toBe('ada');
    const again = await refreshed(server, ada);
    expect(again.accessToken).not.toBe(ada.accessToken);
    expect(await subjectOf(again.accessToken)).toBe('ada');
    pass(3_600_000 + 31_000);
    expect(await subjectOf(again.accessToken)).toBeUndefined();
  });

  it('are taken with a key that is new the moment it is used, and with an old one no longer when the provider has withdrawn it', async () => {
    const { subjectOf, pass } = setUp();
    const before = await tokensFor(server, 'ada');
    expect(await subjectOf(before.accessToken)).toBe('ada');
    pass(30_000);
    await server.rotateKeys();
    const after = await tokensFor(server, 'ada');
    expect(keyOf(after.accessToken)).not.toBe(keyOf(before.accessToken));
    expect(await subjectOf(after.accessToken)).toBe('ada');
    expect(await subjectOf(before.accessToken)).toBe('ada');
    await server.withdrawOldKeys();
    pass(600_000);
    expect(await subjectOf(before.accessToken)).toBeUndefined();
    expect(await subjectOf(after.accessToken)).toBe('ada');
  });

  it('are checked by the keys that are known while the provider is away, for an hour, and then cannot be checked', async () => {
    const { subjectOf, pass } = setUp();
    server.accessTokenSeconds = 7_200;
    const { accessToken } = await tokensFor(server, 'ada');
    server.away = true;
    await expect(subjectOf(accessToken)).rejects.toMatchObject({ code: 'unavailable' });
    server.away = false;
    pass(30_000);
    expect(await subjectOf(accessToken)).toBe('ada');
    server.away = true;
    pass(3_500_000);
    expect(await subjectOf(accessToken)).toBe('ada');
    pass(100_000);
    await expect(subjectOf(accessToken)).rejects.toMatchObject({ code: 'unavailable' });
    server.away = false;
  });

  it('are the only tokens that are: whatever else the provider, or another one, has signed signs nobody in', async () => {
    const { subjectOf } = setUp();
    const right = (await tokensFor(server, 'ada')).accessToken;
    const keys = (await (await fetch(`${server.issuer}/jwks`)).json()) as { keys: [JWK] };
    const pem = createPublicKey({ key: keys.keys[0], format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    const asHmac = withParts(right, { header: { alg: 'HS256' } }).split('.').slice(0, 2).join('.');
    const foreign = await tokensFor(other, 'ada');
    const swapped = withParts(foreign.accessToken, { payload: { iss: server.issuer }, header: { kid: keyOf(right) } });
    const forged: Readonly<Record<string, string>> = {
      'the ID token': ada.idToken,
      'the refresh token': ada.refreshToken,
      'for another resource': (await tokensFor(server, 'ada', 'https://other.example.com')).accessToken,
      'of another provider': foreign.accessToken,
      'of another provider, with our issuer\'s name and key id': swapped,
      'with the signature of another of the same provider': withParts(right, { signature: ada.accessToken.split('.')[2] ?? '' }),
      'with another key id': withParts(right, { header: { kid: 'another' } }),
      'an ID token that calls itself an access token': withParts(ada.idToken, { header: { typ: 'at+jwt' } }),
      'with a later end': withParts(right, { payload: { exp: 99_999_999_999 } }),
      'unsigned': withParts(right, { header: { alg: 'none' }, signature: '' }),
      'HS256 with the published key': `${asHmac}.${createHmac('sha256', pem).update(asHmac).digest('base64url')}`,
      'with the published key in it': withParts(right, { header: { jwk: keys.keys[0] } }),
      'with the address of keys': withParts(right, { header: { jku: `${server.issuer}/jwks` } }),
      'critical': withParts(right, { header: { crit: ['b64'], b64: false } }),
    };
    expect(await subjectOf(right)).toBe('ada');
    const taken = await Promise.all(Object.entries(forged).map(async ([name, text]) => ((await subjectOf(text)) === undefined ? [] : [name])));
    expect(taken.flat()).toEqual([]);
  });
});
