import { describe, expect, it } from 'vitest';
import { createMetrics } from './prometheus.ts';

describe('createMetrics', () => {
  it('counts gateway requests by catalogue ids and closed sets (S35)', async () => {
    const metrics = createMetrics();
    metrics.gatewayRequest({ service: 'openai', route: 'chat/completions', status: 200, outcome: 'completed', keySource: 'tenant', durationMs: 300, firstByteMs: 20 });
    metrics.gatewayRequest({ service: 'openai', route: 'chat/completions', status: 502, outcome: 'failed', keySource: 'tenant', durationMs: 10, firstByteMs: null });
    const { body, contentType } = await metrics.render();
    expect(contentType).toContain('text/plain');
    expect(body).toContain('keyhold_gateway_requests_total{service="openai",route="chat/completions",status="200",outcome="completed",key_source="tenant"} 1');
    expect(body).toContain('keyhold_gateway_request_seconds_count{service="openai",route="chat/completions",outcome="completed"} 1');
    expect(body).toContain('keyhold_gateway_first_byte_seconds_count{service="openai",route="chat/completions"} 1');
  });

  it('counts in seconds', async () => {
    const metrics = createMetrics();
    metrics.controlRequest({ route: '/api/v1/me', method: 'GET', status: 200, durationMs: 250 });
    metrics.storeRead({ store: 'sealed', outcome: 'ok', durationMs: 500 });
    const { body } = await metrics.render();
    expect(body).toContain('keyhold_http_request_seconds_sum{route="/api/v1/me",method="GET",status="200"} 0.25');
    expect(body).toContain('keyhold_store_read_seconds_sum{store="sealed",outcome="ok"} 0.5');
  });

  it('keeps two instances apart, and carries the process metrics', async () => {
    const first = createMetrics();
    const second = createMetrics();
    first.openRequests(3);
    first.auditFailed();
    first.cache({ cache: 'value', hit: true });
    first.journalPending(7);
    const [one, two] = [await first.render(), await second.render()];
    expect(one.body).toContain('keyhold_gateway_open_requests 3');
    expect(one.body).toContain('keyhold_audit_failures_total 1');
    expect(one.body).toContain('keyhold_cache_lookups_total{cache="value",result="hit"} 1');
    expect(one.body).toContain('keyhold_usage_journal_pending 7');
    expect(two.body).toContain('keyhold_gateway_open_requests 0');
    expect(one.body).toContain('process_cpu_seconds_total');
  });

  it('counts requests that were served beyond their time, with the greatest age since the last look', async () => {
    const metrics = createMetrics();
    metrics.servedStale({ source: 'vault', ageMs: 312_000 });
    metrics.servedStale({ source: 'vault', ageMs: 310_000 });
    const { body } = await metrics.render();
    expect(body).toContain('keyhold_stale_requests_total{source="vault"} 2');
    expect(body).toContain('keyhold_stale_age_seconds{source="vault"} 312');
    expect((await metrics.render()).body).toContain('keyhold_stale_age_seconds{source="vault"} 0');
  });
});
