import { generateKeyPairSync } from 'node:crypto';
import { exportJWK, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { TEST_ISSUER, testIssuer } from '../../../test/support/test-issuer.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import { BrowserFlow } from './browser-flow.ts';
import { Provider } from './provider.ts';
import type { SentRequest } from './provider-answers.ts';

const key = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const OTHER = 'https://other.example.com';
const secret = new SecretValue('test-client-secret:with+signs');
const request = { state: 'test-state', nonce: 'test-nonce', verifier: 'test-verifier-of-forty-three-characters-0123', redirectUri: 'https://keyhold.example.com/api/v1/sign-in/callback', fresh: false, startedAt: Date.now() };

/** A provider that answers what the test says. */
function setUp({ document = {}, clientSecret = secret, issuers = [TEST_ISSUER], answer = {}, status = 200 }: { document?: object; clientSecret?: SecretValue | null; issuers?: readonly string[]; answer?: object; status?: number } = {}) {
  const sent: SentRequest[] = [];
  const clock = { now: () => Date.now(), monotonic: () => 0 };
  const answers = {
    read: async (url: string) => {
      const { origin, pathname } = new URL(url);
      if (pathname === '/keys') return { keys: [{ ...(await exportJWK(key.publicKey)), kid: 'one' }] };
      return { issuer: origin, authorization_endpoint: `${origin}/auth`, token_endpoint: `${origin}/token`, jwks_uri: `${origin}/keys`, id_token_signing_alg_values_supported: ['ES256'], ...document };
    },
    send: async (_url: string, one: SentRequest) => {
      sent.push(one);
      return Response.json({ access_token: 'test-access', token_type: 'Bearer', ...answer }, { status });
    },
  };
  const providers = issuers.map((issuer) => new Provider({ issuer: testIssuer({ issuer, client: { id: 'keyhold', secret: clientSecret } }), answers, clock }));
  const flow = new BrowserFlow({ providers, answers, clock });
  return { flow, sent, finish: () => flow.finish(TEST_ISSUER, new URLSearchParams({ state: request.state, code: 'test-code' }), request) };
}

function idToken(change: Readonly<Record<string, unknown>> = {}, header: Readonly<Record<string, unknown>> = {}, by = key.privateKey): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({ iss: TEST_ISSUER, aud: 'keyhold', sub: 'ada', nonce: request.nonce, iat: now, exp: now + 300, ...change }).setProtectedHeader({ alg: 'ES256', kid: 'one', ...header }).sign(by);
}

describe('signing in with a browser, as providers answer that are not what they should be (S23)', () => {
  it('takes an ID token that the provider has signed for us and for this sign-in, and no other', async () => {
    const now = Math.floor(Date.now() / 1000);
    expect(await setUp({ answer: { id_token: await idToken({ auth_time: now - 60, sid: 's1', name: 'Ada' }) } }).finish()).toEqual({ subject: 'ada', name: 'Ada', email: null, authenticatedAt: (now - 60) * 1000, sid: 's1' });
    const [head = '', body = ''] = (await idToken()).split('.');
    const forged: Readonly<Record<string, string | undefined>> = {
      'none': undefined,
      'a stranger\'s': await idToken({}, {}, stranger.privateKey),
      'a stranger\'s with a key of its own': await idToken({}, { jwk: await exportJWK(stranger.publicKey) }, stranger.privateKey),
      'unsigned': `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`,
      'without a signature': `${head}.${body}.`,
      'another nonce': await idToken({ nonce: 'other' }),
      'no nonce': await idToken({ nonce: undefined }),
      'another client\'s': await idToken({ aud: 'other' }),
      'of several clients, asked for by another': await idToken({ aud: ['keyhold', 'other'], azp: 'other' }),
      'another issuer\'s': await idToken({ iss: OTHER }),
      'an old one': await idToken({ iat: now - 900, exp: now - 600 }),
      'of nobody': await idToken({ sub: '' }),
      'of an endless name': await idToken({ sub: 'x'.repeat(256) }),
    };
    for (const [name, text] of Object.entries(forged)) {
      const { finish, sent } = setUp({ answer: text === undefined ? {} : { id_token: text } });
      await expect(finish(), name).rejects.toMatchObject({ code: 'unauthenticated' });
      expect(sent).toHaveLength(1);
    }
  });

  it('shows its secret in the way that the provider takes, in a header where it can, and says what is wrong when it is not taken', async () => {
    const answer = { id_token: await idToken() };
    const sentBy = async (options: Parameters<typeof setUp>[0]) => {
      const { finish, sent } = setUp({ answer, ...options });
      await finish();
      const [one] = sent;
      const form = new URLSearchParams(String(one?.body));
      return [one?.headers['authorization']?.split(' ', 1)[0], form.get('client_id'), form.has('client_secret'), form.has('code_verifier')];
    };
    expect(await sentBy({})).toEqual(['Basic', null, false, true]);
    expect(await sentBy({ document: { token_endpoint_auth_methods_supported: ['client_secret_post'] } })).toEqual([undefined, 'keyhold', true, true]);
    expect(await sentBy({ clientSecret: null })).toEqual([undefined, 'keyhold', false, true]);
    await expect(setUp({ answer: { error: 'invalid_client', error_description: 'x' }, status: 401 }).finish()).rejects.toMatchObject({ code: 'unavailable', publicMessage: expect.stringContaining('client id and secret') });
    await expect(setUp({ answer: { error: 'invalid_grant' }, status: 400 }).finish()).rejects.toMatchObject({ code: 'unauthenticated' });
    await expect(setUp({ answer, status: 302 }).finish()).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('wants a secret where several providers do not say whose their answers are, and no address that anybody on the way could read (mix-up)', async () => {
    const urlWith = (options: Parameters<typeof setUp>[0]) => setUp(options).flow.authorizationUrl(TEST_ISSUER, request);
    const several = { issuers: [TEST_ISSUER, OTHER], clientSecret: null };
    await expect(urlWith(several)).rejects.toMatchObject({ code: 'unavailable', publicMessage: expect.stringContaining('client secret') });
    for (const fits of [{ ...several, clientSecret: secret }, { ...several, document: { authorization_response_iss_parameter_supported: true } }, { clientSecret: null }]) expect(await urlWith(fits)).toContain(`${TEST_ISSUER}/auth?response_type=code`);
    await expect(urlWith({ document: { authorization_endpoint: 'http://login.example.com/auth' } })).rejects.toMatchObject({ code: 'unavailable' });
    await expect(urlWith({ document: { issuer: OTHER } })).rejects.toMatchObject({ code: 'unavailable' });
    expect(await setUp({ document: { end_session_endpoint: 'javascript:alert(1)' } }).flow.endSessionUrl(TEST_ISSUER, '/')).toBeUndefined();
  });
});
