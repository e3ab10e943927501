import { expect } from 'vitest';
import { quotingModels } from '../servers/quoting-server.ts';
import { type CanaryWorld, chat } from './canary-world.ts';
import type { Ask } from './witness.ts';

/** Every route, stream and failure, with keys of every source; then all of them refused by the provider. */
export async function callProviders(world: CanaryWorld): Promise<void> {
  const text = [{ role: 'user', content: 'Hello' }];
  const explicit = (place: string): Record<string, string> => ({ 'x-keyhold-api-key': world.canaries.mint(`explicit-${place}`) });
  const messages = { method: 'POST', path: '/anthropic/v1/messages', body: { model: 'claude-local', max_tokens: 50, messages: text } };
  const served: readonly Ask[] = [
    chat('gpt-local'),
    chat('gpt-local', { stream: true }),
    chat('groq/local'),
    chat('mistral/local'),
    chat('mistral/local', { stream: true }),
    chat('huge-local'),
    chat('gpt-local', { api_key: world.canaries.mint('large-body'), padding: 'x'.repeat(9 * 1024 * 1024) }),
    chat('anthropic/claude-local'),
    { method: 'POST', path: '/v1/completions', body: { model: 'gpt-local', prompt: 'Hello' } },
    { method: 'POST', path: '/v1/embeddings', body: { model: 'embed-local', input: 'Hello' } },
    { method: 'POST', path: '/v1/responses', body: { model: 'gpt-local', input: 'Hello' } },
    { method: 'POST', path: '/v1/moderations', body: { model: 'moderation-local', input: 'Hello' } },
    { method: 'GET', path: '/v1/models' },
    messages,
    { ...messages, body: { ...messages.body, stream: true } },
    { ...messages, path: '/anthropic/v1/messages/count_tokens', body: { model: 'claude-local', messages: text } },
    { method: 'POST', path: '/api/ai/chat', body: { message: 'Hello' } },
    { method: 'POST', path: '/api/ai/chat', body: { message: 'Hello', provider: 'mistral', stream: true } },
  ];
  for (const ask of served) await world.witness.expect(200, { ...ask, token: world.gatewayKey });
  await world.witness.expect(200, { ...chat('gpt-local'), headers: { ...explicit('plain'), authorization: `Bearer ${world.gatewayKey}` } });
  await world.witness.expect(200, { ...chat('gpt-local', { stream: true }), headers: { ...explicit('stream'), 'x-api-key': world.gatewayKey } });

  const faults = ['error-400', 'error-404', 'error-429', 'error-500', 'error-503', 'quotes-key', 'cut-before-answer', 'cut-midstream', 'redirect', 'gzip', 'cut-without-length'];
  for (const service of ['openai', 'mistral']) {
    for (const fault of faults) {
      for (const stream of [false, true]) await world.witness.ask({ ...chat(`${service}/${fault}`, { stream }), token: world.gatewayKey });
      await world.witness.ask({ method: 'POST', path: '/api/ai/chat', token: world.gatewayKey, body: { message: 'Hello', provider: service, model: fault } });
    }
    for (const fault of ['clean-end-without-done', 'stream-error']) await world.witness.ask({ ...chat(`${service}/${fault}`, { stream: true }), token: world.gatewayKey });
    await world.witness.ask({ ...chat(`${service}/endless`, { stream: true }), token: world.gatewayKey, leaveAfter: 2000 });
  }
  await world.witness.ask({ ...chat('quotes-key'), headers: { ...explicit('quoted'), authorization: `Bearer ${world.gatewayKey}` } });
  for (const fault of ['quotes-key', 'cut-midstream', 'error-500']) await world.witness.ask({ ...messages, token: world.gatewayKey, body: { ...messages.body, model: fault } });
  await world.statuses([
    [413, { ...chat('gpt-local'), token: world.gatewayKey, headers: { 'content-length': String(64 * 1024 * 1024) }, body: Buffer.from('{') }],
    [400, { ...chat('gpt-local'), token: world.gatewayKey, headers: { 'x-keyhold-api-key': `${world.canaries.mint('explicit-odd')} and more` } }],
    [424, { ...chat('openrouter/local'), token: world.gatewayKey }],
    [400, { method: 'POST', path: '/v1/chat/completions', token: world.gatewayKey, body: `{"model":"gpt-local","padding":"${'x'.repeat(9 * 1024 * 1024)}","api_key":${world.canaries.mint('large-broken-body')}` }],
  ]);

  // Now every key is refused, and the provider says which.
  world.provider.keys = new Set();
  for (const ask of served) expect((await world.witness.ask({ ...ask, token: world.gatewayKey })).status).toBe(401);
  await world.witness.expect(401, { ...chat('gpt-local'), headers: { ...explicit('refused'), authorization: `Bearer ${world.gatewayKey}` } });
  world.provider.keys = null;
  await world.look('after the gateway');
}

/** S1: every way in which a provider tells a caller its key. */
export async function callQuotingProviders(world: CanaryWorld): Promise<void> {
  for (const service of ['deepseek', 'xai']) {
    for (const model of quotingModels) {
      for (const ask of [chat(`${service}/${model}`), chat(`${service}/${model}`, { stream: true }), { method: 'POST', path: '/api/ai/chat', body: { message: 'Hello', provider: service, model } }]) {
        const told = await world.witness.ask({ ...ask, token: world.gatewayKey });
        expect(told.status, `${service}/${model}`).not.toBe(0);
      }
    }
    await world.witness.ask({ ...chat(`${service}/json-400`), headers: { 'x-keyhold-api-key': world.canaries.mint(`explicit-${service}`), authorization: `Bearer ${world.gatewayKey}` } });
  }
  for (const model of quotingModels) expect(world.quoting.asked.get(model), model).toBeGreaterThanOrEqual(4);
}
