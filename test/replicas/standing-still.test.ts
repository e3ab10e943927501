import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { type ApiAnswer, apiOf, handOver, makeTenant } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { testAdminToken } from '../support/product.ts';
import { makeInstallation } from '../support/replicas/installation.ts';
import { describeWithPostgres } from '../support/servers/with-postgres.ts';

const KEY = 'sk-test-key-that-is-revoked-0001';
/** So long that it must notice, and shorter than records are believed. */
const STILL_MS = 4_500;

describeWithPostgres('a replica that stood still (SIGSTOP)', () => {
  it.each([
    { title: 'has the revocation waiting for it', cutOff: false },
    { title: 'was cut off from the bus meanwhile, and knows that before its timers do', cutOff: true },
  ])('S32: $title: its first request is not served with the revoked key', { timeout: 120_000 }, async ({ cutOff }) => {
    const installation = await makeInstallation(['openai']);
    onTestFinished(() => installation.close());
    const [one, still] = installation.replicas;
    if (one === undefined || still === undefined) throw new Error('There are no replicas.');
    await one.start();
    await still.start();
    const acme = await makeTenant({ url: one.url ?? '' }, 'acme');
    await handOver(acme, 'openai', KEY);
    const ask = (url: string | undefined): Promise<ApiAnswer> => apiOf(url ?? '', acme.gatewayKey).call('POST', '/v1/chat/completions', { model: 'openai/local', messages: [{ role: 'user', content: 'Hello' }] });
    for (const { url } of [one, still]) {
      await eventually(async () => {
        const ready = await fetch(`${url}/readyz`, { headers: { authorization: `Bearer ${testAdminToken}` } });
        return ((await ready.json()) as { readonly degraded: readonly string[] }).degraded.length === 0;
      }, () => `The bus was never whole:\n${one.output}${still.output}`);
    }
    expect([(await ask(one.url)).status, (await ask(still.url)).status]).toEqual([200, 200]);
    still.pause();
    if (cutOff) still.cutOff('redis');
    await acme.admin.must('POST', '/api/v1/tenants/acme/credentials/openai/revoke');
    await sleep(STILL_MS);
    const served = installation.provider.requests.length;
    const first = Array.from({ length: 4 }, () => ask(still.url));
    still.goOn();
    for (const answer of await Promise.all(first)) expect(answer).toMatchObject({ status: 424 });
    expect(installation.provider.requests.length).toBe(served);
  });
});
