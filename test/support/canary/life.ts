import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { runToEnd, startTorn } from '../product.ts';
import { type CanaryWorld, chat, ofPlatform, ofTenant } from './canary-world.ts';

/** The first start, with the administrator's token from a file. */
export async function startFirst(world: CanaryWorld): Promise<void> {
  world.platform = world.canaries.mint('admin-token');
  await mkdir(join(world.dataDir, 'secrets'));
  await writeFile(join(world.dataDir, 'secrets', 'admin-token'), `${world.platform}\n`, { mode: 0o600 });
  await world.start({ KEYHOLD_ADMIN_TOKEN_FILE: join(world.dataDir, 'secrets', 'admin-token') });
  world.canaries.bytes('root key', Buffer.from(await readFile(join(world.dataDir, 'data', 'keyhold.key'), 'utf8'), 'base64'));
  await world.look('after the start');
}

/** A diagnostic report with requests under way, and then the death of the process. */
export async function dieWhileInUse(world: CanaryWorld): Promise<void> {
  await mkdir(world.reports);
  const open = Promise.all([
    world.witness.ask({ ...chat('silent'), token: world.gatewayKey }),
    world.witness.ask({ ...chat('endless', { stream: true }), token: world.gatewayKey }),
  ]);
  await sleep(300);
  await report(world, 1);
  await world.look('with requests under way');
  await world.product.kill();
  await open;
  await world.look('after kill -9');
}

/** Starts after the death, with another administrator's token in the environment; those before are killed so many milliseconds later. */
export async function startAgain(world: CanaryWorld, tornAfterMs: readonly number[]): Promise<void> {
  const before = world.platform;
  world.platform = world.canaries.mint('second-admin-token');
  for (const afterMs of tornAfterMs) world.evidence.add('torn start', (await startTorn({ dataDir: world.dataDir, env: { ...world.environment(), KEYHOLD_ADMIN_TOKEN: world.platform } }, afterMs)).output);
  await world.look('after torn starts');
  await world.start({ KEYHOLD_ADMIN_TOKEN: world.platform, KEYHOLD_NEW_KEY_WRAPPER: 'passphrase', KEYHOLD_NEW_KEY_PASSPHRASE: world.passphrase });
  await world.statuses([
    [401, { method: 'GET', path: '/api/v1/me', token: before }],
    [200, { method: 'GET', path: '/api/v1/me', token: world.platform }],
    [200, { ...chat('gpt-local'), token: world.gatewayKey }],
    [200, { ...chat('mistral/local', { stream: true }), token: world.gatewayKey }],
  ]);
  await report(world, 2);
}

/** S29: the emergency stop, with a key where its reason should be. */
export async function sealAndUnseal(world: CanaryWorld): Promise<void> {
  await world.statuses([
    [400, { method: 'POST', path: `${ofPlatform}/seal`, token: world.platform, body: { reason: 'an exercise', api_key: world.canaries.mint('seal') } }],
    [200, { method: 'POST', path: `${ofPlatform}/seal`, token: world.platform, body: { reason: 'an exercise' } }],
    [503, { ...chat('gpt-local'), token: world.gatewayKey }],
    [200, { method: 'GET', path: `${ofPlatform}/seal`, token: world.platform }],
    [200, { method: 'POST', path: `${ofPlatform}/unseal`, token: world.platform }],
    [200, { ...chat('gpt-local'), token: world.gatewayKey }],
  ]);
}

/** The root key gets into the passphrase's keeping, which every later start needs. */
export async function changeTheWrapper(world: CanaryWorld): Promise<void> {
  await world.statuses([
    [200, { method: 'POST', path: `${ofPlatform}/keys/rewrap`, token: world.platform }],
    [200, { method: 'GET', path: `${ofPlatform}/keys`, token: world.platform }],
    [200, { ...chat('gpt-local'), token: world.gatewayKey }],
  ]);
  world.settings = { ...world.settings, KEYHOLD_KEY_WRAPPER: 'passphrase', KEYHOLD_KEY_PASSPHRASE: world.passphrase };
}

/** Everything is sealed anew, and a tenant is shredded. */
export async function rotateAndShred(world: CanaryWorld): Promise<void> {
  const shredded = { method: 'POST', path: '/api/v1/tenants/canary-shredded/shred', token: world.platform };
  await world.statuses([
    [202, { method: 'POST', path: `${ofPlatform}/keys/rotate-data`, token: world.platform }],
    [201, { method: 'POST', path: '/api/v1/tenants', token: world.platform, body: { id: 'canary-shredded', name: 'canary-shredded' } }],
    [201, { method: 'PUT', path: '/api/v1/tenants/canary-shredded/credentials/openai', token: world.platform, body: { fields: { api_key: world.canaries.mint('shredded') } } }],
    [202, shredded],
  ]);
}

/** Everything that tells: lists, usage, audit, metrics, descriptions; then an orderly stop. The routes of the control plane that have not answered until then. */
export async function askForEverything(world: CanaryWorld): Promise<readonly string[]> {
  for (const path of [ofTenant, `${ofTenant}/policy`, `${ofTenant}/prices`, `${ofTenant}/tokens`, `${ofTenant}/gateway-keys`, `${ofTenant}/credentials`, `${ofTenant}/usage/events?limit=1000`, `${ofTenant}/usage?groupBy=model,service,route,credentialId,keySource`, `${ofTenant}/audit?limit=1000`, `${ofTenant}/audit/checkpoint`, `${ofTenant}/audit/proof?from=1`, `${ofTenant}/audit/entries?limit=1000`]) {
    await world.ok({ method: 'GET', path, token: path === ofTenant ? world.platform : world.admin });
  }
  for (const path of ['/api/v1/tenants', '/api/v1/tokens', `${ofPlatform}/credentials`, `${ofPlatform}/shreddings`, `${ofPlatform}/budget-leases`, `${ofPlatform}/keys/data-rotation`, `${ofPlatform}/keys/provider-keys`, '/api/v1/audit?limit=1000', '/api/v1/audit/checkpoint', '/api/v1/audit/proof?from=1', '/api/v1/audit/entries?limit=1000', '/api/v1/jobs', '/api/v1/stores', '/api/brain/vault/health', '/api/v1/services', '/api/v1/prices', '/api/v1/models', '/api/v1/me', '/api/v1/openapi.json', '/api/v1/health', '/livez', '/readyz', '/metrics']) {
    await world.ok({ method: 'GET', path, token: world.platform });
  }
  world.evidence.add('output at the end', world.product.output());
  const description = (await world.ok({ method: 'GET', path: '/api/v1/openapi.json', token: world.platform })).body['paths'] as Record<string, Record<string, unknown>>;
  expect(await world.product.stop()).toEqual({ code: 0, signal: null });
  await world.look('after the stop');
  const answered = new Set(servedRoutes(world));
  return Object.entries(description).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`)).filter((route) => !answered.has(route));
}

/** A new administrator's token on the stopped folder. */
export async function makeAdministrator(world: CanaryWorld): Promise<void> {
  const { code, output } = await runToEnd({ dataDir: world.dataDir, args: ['token', 'new-admin'], env: world.environment() });
  expect(code).toBe(0);
  world.canaries.token('new-admin token', (await readFile(join(world.dataDir, 'data', 'admin-token'), 'utf8')).trim());
  world.evidence.add('token new-admin', output);
  await world.look('with a new administrator');
}

/** `GET /api/v1/tenants/{tenant}` for each route of the control plane that has answered with a success, by the logs. */
function servedRoutes(world: CanaryWorld): readonly string[] {
  return world.evidence.logLines().flatMap(({ event, method, route, status }) => (event === 'request' && Number(status) < 400 ? [`${String(method)} ${String(route).replaceAll(/:(\w+)/g, '{$1}')}`] : []));
}

/** Asks for a diagnostic report, and keeps it when it is whole. */
async function report(world: CanaryWorld, count: number): Promise<void> {
  world.product.process.kill('SIGUSR2');
  for (let attempt = 0; attempt < 500; attempt += 1) {
    const names = await readdir(world.reports);
    const [newest = ''] = names.toSorted().reverse();
    const text = names.length === count ? await readFile(join(world.reports, newest), 'utf8') : '';
    if (text.endsWith('\n}\n') || text.endsWith('\n}')) {
      world.evidence.add('diagnostic report', text);
      return;
    }
    await sleep(20);
  }
  throw new Error('There is no diagnostic report.');
}
