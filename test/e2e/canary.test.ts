import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Canaries } from '../support/canary/canaries.ts';
import { CanaryWorld, chat, ofPlatform, ofTenant, TENANT } from '../support/canary/canary-world.ts';
import { Evidence } from '../support/canary/evidence.ts';
import { failToStart } from '../support/canary/failing-starts.ts';
import { callProviders, callQuotingProviders } from '../support/canary/gateway-calls.ts';
import { handOverKeys, handOverWrongly, makeCallers } from '../support/canary/hand-overs.ts';
import { misplaceKeys } from '../support/canary/misplaced-keys.ts';
import { runToEnd, startTorn } from '../support/product.ts';

let world: CanaryWorld;

beforeAll(async () => {
  world = await CanaryWorld.create();
});

afterAll(async () => {
  await world.close();
});

describe('R10.1: recognisable keys go through everything, and are found nowhere', () => {
  it('starts that fail, and commands', () => failToStart(world));

  it('the start with a secret from a file', async () => {
    world.platform = world.canaries.mint('admin-token');
    await mkdir(join(world.dataDir, 'secrets'));
    await writeFile(join(world.dataDir, 'secrets', 'admin-token'), `${world.platform}\n`, { mode: 0o600 });
    await world.start({ KEYHOLD_ADMIN_TOKEN_FILE: join(world.dataDir, 'secrets', 'admin-token') });
    world.canaries.bytes('root key', Buffer.from(await readFile(join(world.dataDir, 'data', 'keyhold.key'), 'utf8'), 'base64'));
    await world.look('after the start');
  });

  it('tenants, tokens, gateway keys', () => makeCallers(world));

  it('every way to hand over a key', () => handOverKeys(world));

  it('every way to hand over a key wrongly', () => handOverWrongly(world));

  it('keys and tokens in places where they do not belong', () => misplaceKeys(world));

  it('the gateway: every route, stream and failure, with keys of every source', () => callProviders(world));

  it('S1: providers that tell callers their key, in every way, do not get it through', () => callQuotingProviders(world));

  it('a diagnostic report while keys are in use', async () => {
    await mkdir(world.reports);
    const open = Promise.all([
      world.witness.ask({ ...chat('silent'), token: world.gatewayKey }),
      world.witness.ask({ ...chat('endless', { stream: true }), token: world.gatewayKey }),
    ]);
    await sleep(300);
    await report(1);
    await world.look('with requests under way');
    await world.product.kill();
    await open;
    await world.look('after kill -9');
  });

  it('starts after the kill, one of them torn, with another administrator\'s token in the environment', async () => {
    const before = world.platform;
    world.platform = world.canaries.mint('second-admin-token');
    for (const afterMs of [200, 450]) world.evidence.add('torn start', (await startTorn({ dataDir: world.dataDir, env: { ...world.environment(), KEYHOLD_ADMIN_TOKEN: world.platform } }, afterMs)).output);
    await world.look('after torn starts');
    await world.start({ KEYHOLD_ADMIN_TOKEN: world.platform });
    await world.statuses([
      [401, { method: 'GET', path: '/api/v1/me', token: before }],
      [200, { method: 'GET', path: '/api/v1/me', token: world.platform }],
      [200, { ...chat('gpt-local'), token: world.gatewayKey }],
      [200, { ...chat('mistral/local', { stream: true }), token: world.gatewayKey }],
    ]);
    await report(2);
  });

  it('everything that tells: lists, usage, audit, metrics, descriptions', async () => {
    for (const path of [ofTenant, `${ofTenant}/policy`, `${ofTenant}/tokens`, `${ofTenant}/gateway-keys`, `${ofTenant}/credentials`, `${ofTenant}/usage/events?limit=1000`, `${ofTenant}/usage?groupBy=model,service,route,credentialId,keySource`, `${ofTenant}/audit?limit=1000`, `${ofTenant}/audit/checkpoint`, `${ofTenant}/audit/proof?from=1`, `${ofTenant}/audit/entries?limit=1000`]) {
      await world.ok({ method: 'GET', path, token: path === ofTenant ? world.platform : world.admin });
    }
    for (const path of ['/api/v1/tenants', '/api/v1/tokens', `${ofPlatform}/credentials`, '/api/v1/audit?limit=1000', '/api/v1/audit/checkpoint', '/api/v1/audit/proof?from=1', '/api/v1/audit/entries?limit=1000', '/api/v1/stores', '/api/brain/vault/health', '/api/v1/services', '/api/v1/me', '/api/v1/openapi.json', '/api/v1/health', '/livez', '/readyz', '/metrics']) {
      await world.ok({ method: 'GET', path, token: world.platform });
    }
    world.evidence.add('output at the end', world.product.output());
    const description = (await world.ok({ method: 'GET', path: '/api/v1/openapi.json', token: world.platform })).body['paths'] as Record<string, Record<string, unknown>>;
    expect(await world.product.stop()).toEqual({ code: 0, signal: null });
    await world.look('after the stop');
    const answered = new Set(servedRoutes());
    const missing = Object.entries(description).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`)).filter((route) => !answered.has(route));
    expect(missing).toEqual([]);
  });

  it('a new administrator\'s token on the stopped folder', async () => {
    const { code, output } = await runToEnd({ dataDir: world.dataDir, args: ['token', 'new-admin'], env: world.environment() });
    expect(code).toBe(0);
    world.canaries.token('new-admin token', (await readFile(join(world.dataDir, 'data', 'admin-token'), 'utf8')).trim());
    world.evidence.add('token new-admin', output);
    await world.look('with a new administrator');
  });

  it('finds no trace of any of them', () => {
    expect(new Set(world.evidence.traces(world.canaries))).toEqual(new Set());
  });

  it('would find them: what was really there is found, and every trace that is planted', () => {
    // What is no secret is in all these places, so the search looks at them.
    const places = world.evidence.holding(TENANT);
    for (const place of ['keyhold.db', 'keyhold.db-wal', 'journal', 'output', 'answer 200']) expect(places.some((where) => where.includes(place)), place).toBe(true);
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

/** `GET /api/v1/tenants/{tenant}` for each route of the control plane that has answered with a success, by the logs. */
function servedRoutes(): readonly string[] {
  return world.evidence.logLines().flatMap(({ event, method, route, status }) => (event === 'request' && Number(status) < 300 ? [`${String(method)} ${String(route).replaceAll(/:(\w+)/g, '{$1}')}`] : []));
}

/** Asks for a diagnostic report, and keeps it when it is whole. */
async function report(count: number): Promise<void> {
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
