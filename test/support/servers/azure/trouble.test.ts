import type { SecretClient } from '@azure/keyvault-secrets';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { eventually } from '../../eventually.ts';
import { all, secretClient } from './sdk-clients.ts';
import { type AzureServer, startAzureServer } from './server.ts';

let azure: AzureServer;
let secrets: SecretClient;

beforeAll(async () => {
  azure = await startAzureServer();
  azure.trust();
  secrets = secretClient(azure);
  await secrets.setSecret('known', 'not a real value');
});

afterEach(() => {
  azure.faults.heal();
  azure.forgetCalls();
  Object.assign(azure.vault.throttle, { limit: undefined, retryAfter: undefined });
});
afterAll(() => azure.close());

test('beyond the budget of a window requests are 429 with the seconds to wait, and each call is logged with its time', async () => {
  const began = Date.now();
  Object.assign(azure.vault.throttle, { limit: 2, windowMs: 60_000, retryAfter: 1 });
  const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => secrets.getSecret('known')));
  const refusals = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => ({ reason, wait: reason.response.headers.get('retry-after') }));
  expect(refusals).toMatchObject(Array.from({ length: 3 }, () => ({ reason: { statusCode: 429, code: 'Throttled' }, wait: '1' })));
  const calls = azure.calls({ operation: 'secrets.get', name: 'known' });
  expect(calls.map(({ status }) => status).filter((status) => status === 200)).toHaveLength(2);
  expect(calls).toHaveLength(5);
  for (const { at } of calls) expect(at).toBeGreaterThanOrEqual(began);
  // The SDK itself waits as long as it is told to.
  Object.assign(azure.vault.throttle, { limit: 1, windowMs: 500 });
  const patient = secretClient(azure, { retries: 5 });
  await Promise.all([patient.getSecret('known'), patient.getSecret('known')]);
});

test('a throttled answer may come without Retry-After', async () => {
  Object.assign(azure.vault.throttle, { limit: 0, retryAfter: 'none' });
  const error: unknown = await secrets.getSecret('known').catch((error: unknown) => error);
  expect(error).toMatchObject({ statusCode: 429 });
  expect((error as { response: { headers: { has(name: string): boolean } } }).response.headers.has('retry-after')).toBe(false);
});

test('the next requests of an operation are refused, once each, and nothing was done', async () => {
  azure.faults.break({ kind: 'answer', status: 503, code: 'ServiceUnavailable', headers: { 'retry-after': '1' } }, { operation: 'secrets.set', name: 'FAILING' }, 1);
  await expect(secrets.setSecret('failing', 'x')).rejects.toMatchObject({ statusCode: 503, code: 'ServiceUnavailable' });
  await expect(secrets.getSecret('failing')).rejects.toMatchObject({ statusCode: 404 });
  await secrets.setSecret('failing', 'x');
});

test('what a proxy on the way answers is not in the shape of the service, or nothing at all', async () => {
  azure.faults.break({ kind: 'answer', status: 502, text: '<h1>Bad Gateway</h1>' }, {}, 1);
  await expect(secrets.getSecret('known')).rejects.toMatchObject({ statusCode: 502 });
  azure.faults.break({ kind: 'answer', status: 503, text: '' }, {}, 1);
  await expect(secrets.getSecret('known')).rejects.toThrow(TypeError); // so much the SDK (4.12) makes of an empty body
});

test('a connection breaks before the operation or after it: only the answer tells', async () => {
  azure.faults.break({ kind: 'drop-request' }, { operation: 'secrets.set', name: 'before' }, 1);
  azure.faults.break({ kind: 'drop-answer' }, { operation: 'secrets.set', name: 'after' }, 1);
  await expect(secrets.setSecret('before', 'x')).rejects.toThrow();
  await expect(secrets.setSecret('after', 'x')).rejects.toThrow();
  await expect(secrets.getSecret('before')).rejects.toMatchObject({ statusCode: 404 });
  expect((await secrets.getSecret('after')).value).toBe('x');
  expect(azure.calls({ name: 'after', operation: 'secrets.set' }).map(({ status }) => status)).toEqual([undefined]);
});

test('a held request is done when it is released, also when its client has long left', async () => {
  azure.faults.break({ kind: 'hold-and-break' }, { name: 'late' }, 1);
  await expect(secrets.setSecret('late', 'x')).rejects.toThrow();
  await expect(secrets.getSecret('late')).rejects.toMatchObject({ statusCode: 404 });
  expect(azure.faults.held()).toBe(1);
  await azure.faults.release();
  expect((await secrets.getSecret('late')).value).toBe('x');
  azure.faults.break({ kind: 'hold' }, { name: 'known' }, 1);
  const waiting = secrets.getSecret('known');
  await eventually(() => azure.faults.held() === 1, () => 'Nothing is held.');
  await azure.faults.release();
  expect((await waiting).value).toBe('not a real value');
});

test('a delay delays, and a token that cannot be had fails the sign-in only', async () => {
  azure.faults.break({ kind: 'delay', ms: 200 }, { operation: 'secrets.get' }, 1);
  const began = performance.now();
  await secrets.getSecret('known');
  expect(performance.now() - began).toBeGreaterThan(190);
  azure.faults.break({ kind: 'answer', status: 500 }, { where: 'authority', operation: 'token' });
  await expect(secretClient(azure).getSecret('known')).rejects.toThrow();
  await secrets.getSecret('known');
});

test('a killed server refuses, and a restarted one listens where it did, with what was stored', async () => {
  const { url } = azure.vault;
  await azure.kill();
  await expect(secrets.getSecret('known')).rejects.toMatchObject({ code: expect.stringMatching(/^ECONN(REFUSED|RESET)$/) });
  await azure.restart();
  expect(azure.vault.url).toBe(url);
  const value = () => secrets.getSecret('known').then((secret) => secret.value, String);
  // The SDK's pool finds out one by one which of its connections are gone.
  await eventually(async () => (await value()) === 'not a real value', () => 'The restarted server does not serve.');
});

test('a paused vault takes requests and answers them when it goes on', async () => {
  azure.vault.listener.pause();
  const waiting = secrets.getSecret('known');
  expect(await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 200, 'waits'))])).toBe('waits');
  await expect(secrets.getSecret('known', { abortSignal: AbortSignal.timeout(50) })).rejects.toMatchObject({ name: 'AbortError' });
  azure.vault.listener.resume();
  expect((await waiting).value).toBe('not a real value');
});

test('the log of calls holds no value, no token and no client secret, and an emptied vault holds nothing', async () => {
  await secrets.setSecret('logged', 'a-recognisable-value');
  await secretClient(azure).getSecret('logged');
  const log = JSON.stringify(azure.calls());
  expect(log).toContain('secrets.set');
  for (const secret of ['a-recognisable-value', 'eyJ', ...azure.app.secrets]) expect(log).not.toContain(secret);
  azure.vault.empty();
  expect(await all(secrets.listPropertiesOfSecrets())).toEqual([]);
});
