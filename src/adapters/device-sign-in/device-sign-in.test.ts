import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type DeviceQuestion, signInByDevice } from './device-sign-in.ts';
import { isFresh, renewed, type Renewal, revoked } from './provider-tokens.ts';

/** What a provider answers, in turn; and what it was sent. */
let answers: { readonly status?: number; readonly body: unknown }[] = [];
let sent: { readonly path: string; readonly form: Record<string, string> }[] = [];
async function answered(request: IncomingMessage, response: ServerResponse): Promise<void> {
  sent.push({ path: request.url ?? '', form: Object.fromEntries(new URLSearchParams(await textOf(request))) });
  const { status = 200, body: answer } = answers.shift() ?? { status: 500, body: {} };
  response.writeHead(status, { 'content-type': 'application/json', location: 'https://evil.example' }).end(typeof answer === 'string' ? answer : JSON.stringify(answer));
}

const provider = createServer((request, response) => void answered(request, response));
let issuer: string;
let client: { issuer: string; clientId: string; audience: string; scope: string };

beforeAll(async () => {
  provider.listen(0, '127.0.0.1');
  await once(provider, 'listening');
  issuer = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
  client = { issuer, clientId: 'keyhold-cli', audience: 'https://keyhold.example.com', scope: 'openid offline_access' };
});

beforeEach(() => {
  answers = [];
  sent = [];
});

afterAll(() => void provider.close());

const metadata = (change: object = {}) => ({ body: { issuer, token_endpoint: `${issuer}/token`, device_authorization_endpoint: `${issuer}/device`, revocation_endpoint: `${issuer}/revoke`, ...change } });
const begun = (change: object = {}) => ({ body: { device_code: 'device-code', user_code: 'ABCD-EFGH', verification_uri: `${issuer}/code`, expires_in: 60, ...change } });
const refusal = (error: string) => ({ status: 400, body: { error } });

async function signIn(...said: typeof answers) {
  answers = said;
  const questions: DeviceQuestion[] = [];
  const waits: number[] = [];
  const tokens = await signInByDevice(client, (question) => void questions.push(question), async (ms) => void waits.push(ms / 1000));
  return { tokens, questions, waits };
}

describe('signing in at an identity provider from a terminal (RFC 8628)', () => {
  it('asks for a token for Keyhold, shows what to do, and waits as the provider says', async () => {
    const { tokens, questions, waits } = await signIn(metadata(), begun({ interval: 2 }), refusal('authorization_pending'), refusal('slow_down'), { body: { access_token: 'access', token_type: 'Bearer', expires_in: 600, refresh_token: 'refresh' } });
    expect(questions).toEqual([{ address: `${issuer}/code`, completeAddress: null, code: 'ABCD-EFGH' }]);
    expect(waits).toEqual([2, 2, 7]);
    expect(sent.map(({ path }) => path)).toEqual(['/.well-known/openid-configuration', '/device', '/token', '/token', '/token']);
    expect(sent[1]?.form).toEqual({ client_id: 'keyhold-cli', scope: 'openid offline_access', audience: client.audience, resource: client.audience });
    expect(sent[4]?.form).toEqual({ grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: 'device-code', client_id: 'keyhold-cli' });
    expect(tokens).toMatchObject({ accessToken: 'access', renewal: { issuer, refreshToken: 'refresh', tokenEndpoint: `${issuer}/token`, revocationEndpoint: `${issuer}/revoke` } });
  });

  it.each([
    ['a person who refuses', () => [metadata(), begun(), refusal('access_denied')], 'was refused in the browser'],
    ['a code that is over', () => [metadata(), begun(), refusal('expired_token')], 'in time'],
    ['nobody', () => [metadata(), begun({ expires_in: 10 }), refusal('authorization_pending'), refusal('authorization_pending')], 'in time'],
    ['a client that is not known', () => [metadata(), refusal('invalid_client')], 'invalid_client'],
    ['a provider without the flow', () => [metadata({ device_authorization_endpoint: undefined })], 'keyhold login --token'],
    ['another provider', () => [metadata({ issuer: 'https://login.example.com' })], 'calls itself'],
    ['an address that can be read on the way', () => [metadata({ device_authorization_endpoint: 'http://login.example.com/device' })], 'not https'],
    ['a page that can be read on the way', () => [metadata(), begun({ verification_uri: 'http://login.example.com' })], 'not https'],
    ['a page that is none', () => [metadata(), begun({ verification_uri_complete: 'javascript:alert(1)' })], 'not https'],
    ['a way elsewhere', () => [{ status: 307, body: {} }], 'did not answer'],
    ['what is no provider', () => [{ body: '<html>' }], 'not that of OpenID Connect'],
    ['an error without words', () => [metadata(), { status: 503, body: 'later' }], '503'],
  ] as const)('ends clearly with %s', async (_what, said, message) => {
    await expect(signIn(...said())).rejects.toMatchObject({ name: 'StartError', exitCode: 1, message: expect.stringContaining(message) });
  });

  it('asks no more than once a second, whatever the provider says, and ends', async () => {
    for (const interval of [0, -5, 0.001]) {
      const { waits } = await signIn(metadata(), begun({ interval }), refusal('authorization_pending'), { body: { access_token: 'access', token_type: 'Bearer' } });
      expect(waits).toEqual([1, 1]);
      await expect(signIn(metadata(), begun({ interval, expires_in: 2 }), ...Array.from({ length: 3 }, () => refusal('authorization_pending')))).rejects.toThrow('in time');
    }
  });

  it('is used up to its end where nothing can renew it', () => {
    const renewal: Renewal = { issuer, clientId: 'keyhold-cli', tokenEndpoint: `${issuer}/token`, revocationEndpoint: null, refreshToken: null, expiresAt: Date.now() + 50_000 };
    expect([isFresh(renewal), isFresh({ ...renewal, refreshToken: 'one' }), isFresh({ ...renewal, expiresAt: Date.now() - 1 })]).toEqual([true, false, false]);
  });

  it('is renewed with the newest refresh token, says when it is over, and is ended at the provider', async () => {
    const renewal: Renewal = { issuer, clientId: 'keyhold-cli', tokenEndpoint: `${issuer}/token`, revocationEndpoint: `${issuer}/revoke`, refreshToken: 'one', expiresAt: 0 };
    answers = [{ body: { access_token: 'second', token_type: 'Bearer' } }, { body: { access_token: 'third', token_type: 'Bearer', refresh_token: 'two' } }, refusal('invalid_grant'), { body: '' }, refusal('invalid_client')];
    expect(await renewed(renewal)).toMatchObject({ accessToken: 'second', renewal: { refreshToken: 'one' } });
    expect(await renewed(renewal)).toMatchObject({ accessToken: 'third', renewal: { refreshToken: 'two' } });
    await expect(renewed(renewal)).rejects.toThrow('keyhold login');
    await expect(renewed({ ...renewal, refreshToken: null })).rejects.toThrow('keyhold login');
    expect(await revoked(renewal)).toBe(true);
    expect(sent.at(-1)).toEqual({ path: '/revoke', form: { token: 'one', token_type_hint: 'refresh_token', client_id: 'keyhold-cli' } });
    expect(await revoked(renewal)).toBe(false);
    expect(await revoked({ ...renewal, revocationEndpoint: null })).toBe(false);
  });
});
