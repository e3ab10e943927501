import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Api, type ApiAnswer, apiOf, handOver, makeTenant, type TestTenant } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { type Installation, makeInstallation } from '../support/replicas/installation.ts';
import type { Replica } from '../support/replicas/replica.ts';
import { describeWithPostgres, sharedPostgres } from '../support/servers/with-postgres.ts';

const SERVICES = ['openai', 'groq'] as const;
/** So long that it must notice, and shorter than records are believed. */
const STILL_MS = 4_500;
const WAIT_MS = 120_000;

describeWithPostgres('R3.9 four replicas started at the same moment on an empty database', { timeout: 2 * WAIT_MS }, () => {
  let installation: Installation;
  let one: Replica;
  let still: Replica;
  let platform: Api;
  let acme: TestTenant;

  beforeAll(async () => {
    installation = await makeInstallation(SERVICES, { KEYHOLD_ADMIN_TOKEN: '' });
    const [first, second] = installation.replicas;
    if (first === undefined || second === undefined) throw new Error('There are no replicas.');
    [one, still] = [first, second];
    await Promise.all(installation.replicas.map((replica) => replica.start()));
  }, 2 * WAIT_MS);

  afterAll(async () => installation.close());

  /** A request of the tenant's through that replica. */
  async function ask({ url }: Replica, service: string): Promise<ApiAnswer> {
    return apiOf(url ?? '', acme.gatewayKey).call('POST', '/v1/chat/completions', { model: `${service}/local`, messages: [{ role: 'user', content: 'Hello' }] });
  }

  async function requestsCounted({ url }: Replica): Promise<number> {
    const { body } = await apiOf(url ?? '', acme.admin.token).must('GET', '/api/v1/tenants/acme/usage');
    return (body['totals'] as { readonly requests: number }).requests;
  }

  async function busIsWhole(): Promise<void> {
    for (const replica of [one, still]) {
      await eventually(async () => {
        const { body } = await apiOf(replica.url ?? '', platform.token).call('GET', '/readyz');
        return (body['degraded'] as readonly string[]).length === 0;
      }, () => `The bus was never whole:\n${replica.output}`, WAIT_MS);
    }
  }

  it('S28: all come up, with one first token, one root key and one audit log', async () => {
    const { replicas, database } = installation;
    const files = replicas.map(({ options }) => join(options.dataDir, 'data', 'admin-token'));
    const tokens = [];
    for (const file of files) if (await stat(file).catch(() => undefined)) tokens.push((await readFile(file, 'utf8')).trim());
    expect(tokens).toHaveLength(1);
    for (const { url } of replicas) expect(await apiOf(url ?? '', tokens[0]).call('GET', '/api/v1/me')).toMatchObject({ status: 200 });
    const count = async (sql: string): Promise<number> => Number((await sharedPostgres().query(sql, database.name))[0]?.['count']);
    expect(await count('SELECT count(*) FROM keyhold.tokens')).toBe(1);
    expect(await count('SELECT count(*) - count(DISTINCT position) AS count FROM keyhold.audit_rows')).toBe(0);
    for (const { output } of replicas) expect(output).not.toMatch(/"level":"(?:error|fatal)"/u);
    platform = apiOf(one.url ?? '', tokens[0]);
    acme = await makeTenant({ url: one.url ?? '' }, 'acme', {}, platform);
    for (const service of SERVICES) await handOver(acme, service, `sk-test-key-that-is-revoked-${service}`);
  });

  it('R5.3: what one has served is counted through it at once, and through another soon (a second, while nothing is busy)', async () => {
    await busIsWhole();
    expect((await ask(one, 'openai')).status).toBe(200);
    expect(await requestsCounted(one)).toBe(1);
    await eventually(async () => (await requestsCounted(still)) === 1, () => `${one.output}${still.output}`, 10_000);
  });

  it.each([
    { title: 'has the revocation waiting for it', service: 'openai', cutOff: false },
    { title: 'was cut off from the bus meanwhile, and knows that before its timers do', service: 'groq', cutOff: true },
  ])('S32: one that stood still (SIGSTOP) $title: its first request is not served with the revoked key', async ({ service, cutOff }) => {
    await busIsWhole();
    expect([(await ask(one, service)).status, (await ask(still, service)).status]).toEqual([200, 200]);
    still.pause();
    if (cutOff) still.cutOff('redis');
    await acme.admin.must('POST', `/api/v1/tenants/acme/credentials/${service}/revoke`);
    await sleep(STILL_MS);
    const served = installation.provider.requests.length;
    const first = Array.from({ length: 4 }, () => ask(still, service));
    still.goOn();
    for (const answer of await Promise.all(first)) expect(answer).toMatchObject({ status: 424 });
    expect(installation.provider.requests.length).toBe(served);
  });

  it('R0.1: each ends in order', async () => {
    for (const replica of installation.replicas) expect(await replica.stop()).toEqual({ code: 0, signal: null });
  });
});
