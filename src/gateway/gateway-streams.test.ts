import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, eventually, type GatewayFixture, startGateway } from '../../test/support/gateway-fixture.ts';
import { type ProviderServer, startProviderServer } from '../../test/support/servers/provider-server.ts';

let provider: ProviderServer;
let gateway: GatewayFixture;

beforeAll(async () => {
  provider = await startProviderServer();
});
afterAll(() => provider.close());
beforeEach(async () => {
  provider.requests.length = 0;
  gateway = await startGateway({
    baseUrls: { openai: provider.openAiUrl, anthropic: provider.url, mistral: provider.openAiUrl, perplexity: provider.openAiUrl },
  });
});
afterEach(() => gateway.close());

const messages = [{ role: 'user', content: 'Hi 😀' }];
const chat = { model: 'gpt-4o-mini', messages, stream: true };

async function direct(body: unknown): Promise<string> {
  const answer = await fetch(`${provider.openAiUrl}/chat/completions`, { method: 'POST', headers: { authorization: 'Bearer direct' }, body: JSON.stringify(body) });
  return answer.text();
}

describe('R5.2 and R5.3 streams', () => {
  it('asks for the usage, takes it out again, and passes everything else as it is', async () => {
    const answer = await ask(gateway.url, '/v1/chat/completions', chat);
    expect(JSON.parse(provider.requests[0]?.body.toString() ?? '')).toEqual({ stream_options: { include_usage: true }, ...chat });
    const asked = await direct({ ...chat, stream_options: { include_usage: true } });
    const withoutUsage = asked.split('\n\n').filter((frame) => !frame.includes('"choices":[]')).join('\n\n');
    expect(answer.body.toString()).toBe(withoutUsage);
    expect(answer).toMatchObject({ whole: true, status: 200, headers: { 'content-type': 'text/event-stream; charset=utf-8' } });
    expect(gateway.ended).toMatchObject([{ outcome: 'completed', estimated: false, outputTokens: 9 }]);
    expect(gateway.ended[0]?.firstTokenMs).toBeTypeOf('number');
  });

  it('leaves the usage in where the client asked for it', async () => {
    const body = { ...chat, stream_options: { include_usage: true } };
    const answer = await ask(gateway.url, '/v1/chat/completions', body);
    expect(provider.requests[0]?.body.toString()).toBe(JSON.stringify(body));
    expect(answer.body.toString()).toBe(await direct(body));
  });

  it.each([
    ['{"stream":true,"stream_options":null,"model":"m"}', '{"stream":true,"stream_options":{"include_usage":true},"model":"m"}'],
    ['{"stream":true,"stream_options":{},"model":"m"}', '{"stream":true,"stream_options":{"include_usage":true},"model":"m"}'],
    ['{"stream":true,"stream_options":{"x":1},"model":"m"}', '{"stream":true,"stream_options":{"include_usage":true,"x":1},"model":"m"}'],
    ['{"model":"openai/m","stream_options":{"include_usage":false},"stream":true}', '{"model":"m","stream_options":{"include_usage":true},"stream":true}'],
    ['{"model":"mistral/m","stream":true}', '{"model":"m","stream":true}'],
    ['{"model":"m"}', '{"model":"m"}'],
  ])('R5.6 changes %s to %s', async (sent, received) => {
    await ask(gateway.url, '/v1/chat/completions', JSON.parse(sent));
    expect(provider.requests[0]?.body.toString()).toBe(received);
  });

  it.each(['split', 'crlf', 'burst'])('reads events that come as %s', async (model) => {
    const answer = await ask(gateway.url, '/v1/chat/completions', { ...chat, model });
    expect(answer.body.toString().replaceAll('\r', '')).toContain('👋.');
    expect(answer.body.toString()).toContain('data: [DONE]');
    expect(answer.body.toString()).not.toContain('"choices":[]');
    expect(answer.whole).toBe(true);
    expect(gateway.ended).toMatchObject([{ outcome: 'completed', estimated: false, outputTokens: 9 }]);
  });

  it('takes the last of Anthropic\'s cumulative counts', async () => {
    const answer = await ask(gateway.url, '/anthropic/v1/messages', chat);
    expect(answer.whole).toBe(true);
    expect(answer.body.toString()).toContain('event: message_stop');
    expect(gateway.ended).toMatchObject([{ outcome: 'completed', outputTokens: 9, cachedTokens: 3, estimated: false }]);
  });

  it('reads the usage of /responses in its last event, without asking for it', async () => {
    const body = { model: 'gpt-4o-mini', input: 'Hi', stream: true };
    const answer = await ask(gateway.url, '/v1/responses', body);
    expect(provider.requests[0]?.body.toString()).toBe(JSON.stringify(body));
    expect(answer.body.toString()).toContain('event: response.completed');
    expect(gateway.ended).toMatchObject([{ outcome: 'completed', outputTokens: 9, inputTokens: 1, estimated: false }]);
  });

  it.each([
    ['/v1/chat/completions', 'data: {"error":{"message":"openai '],
    ['/v1/responses', 'event: error\ndata: {"type":"error","code":"upstream_failed"'],
    ['/anthropic/v1/messages', 'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"anthropic '],
  ])('a stream on %s that breaks, or ends without its last event, gets an error event and no end', async (path, event) => {
    for (const model of ['cut-midstream', 'clean-end-without-done']) {
      const answer = await ask(gateway.url, path, { model, messages, input: 'Hi', stream: true });
      expect(answer.whole).toBe(false);
      expect(answer.body.toString()).toContain(event);
      expect(answer.body.toString().endsWith('\n\n')).toBe(true);
    }
    expect(gateway.ended).toMatchObject([
      { outcome: 'failed', estimated: true, status: 200 },
      { outcome: 'failed', estimated: true, status: 200 },
    ]);
    expect(gateway.ended[0]?.outputTokens).toBeGreaterThan(0);
  });

  it('a stream in which the provider itself tells of an error passes, as failed', async () => {
    for (const path of ['/v1/chat/completions', '/v1/responses', '/anthropic/v1/messages']) {
      const answer = await ask(gateway.url, path, { model: 'stream-error', messages, input: 'Hi', stream: true });
      expect(answer.whole).toBe(true);
    }
    expect(gateway.ended.map(({ outcome }) => outcome)).toEqual(['failed', 'failed', 'failed']);
  });

  it('a provider that is known to leave [DONE] out may end after a finish_reason, and only then', async () => {
    // Its middle half has no finish_reason yet.
    const answer = await ask(gateway.url, '/v1/chat/completions', { ...chat, model: 'perplexity/clean-end-without-done' });
    expect(answer.whole).toBe(false);
    expect(gateway.ended).toMatchObject([{ outcome: 'failed' }]);
  });

  it('LiteLLM#14457, LiteLLM#36008, LiteLLM#37558, LiteLLM#37992: a client that leaves stops the upstream, and what came is accounted for', async () => {
    const controller = new AbortController();
    const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer key', 'content-type': 'application/json' },
      body: JSON.stringify({ ...chat, model: 'endless' }),
      signal: controller.signal,
    });
    const reader = answer.body?.getReader();
    for (let events = 0; events < 20; events += 1) await reader?.read();
    controller.abort();
    await eventually(() => provider.requests[0]?.aborted === true && gateway.ended.length === 1);
    expect(gateway.ended).toMatchObject([{ outcome: 'aborted', status: 200, estimated: true }]);
    expect(gateway.ended[0]?.outputTokens).toBeGreaterThan(10);
    expect(gateway.gateway.openRequests()).toBe(0);
  });

  it('FACTS 4 a client that does not read stops the upstream read', async () => {
    const { port } = new URL(gateway.url);
    const socket = connect(Number(port), '127.0.0.1');
    const body = JSON.stringify({ ...chat, model: 'flood', messages: [] });
    socket.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer key\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    socket.pause();
    await eventually(() => provider.requests.length === 1);
    const sent = (): number => provider.requests[0]?.sentBytes ?? 0;
    let before = -1;
    for (let tries = 0; sent() !== before && tries < 40; tries += 1) {
      before = sent();
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    expect(sent()).toBe(before);
    socket.destroy();
    await eventually(() => gateway.ended.length === 1);
    expect(gateway.ended).toMatchObject([{ outcome: 'aborted' }]);
  });

  it('the end entry is written before the last event leaves', async () => {
    const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer key', 'content-type': 'application/json' },
      body: JSON.stringify(chat),
    });
    let text = '';
    for await (const chunk of answer.body ?? []) {
      text += Buffer.from(chunk).toString();
      if (text.includes('[DONE]')) expect(gateway.ended).toHaveLength(1);
    }
    expect(text).toContain('[DONE]');
  });

  it('drain waits for what is under way and lets no connection live on', async () => {
    const slow = ask(gateway.url, '/v1/chat/completions', { ...chat, model: 'slow' });
    await eventually(() => gateway.gateway.openRequests() === 1);
    let drained = false;
    const draining = gateway.gateway.drain().then(() => {
      drained = true;
      return true;
    });
    const late = await ask(gateway.url, '/v1/chat/completions', { model: 'm', messages });
    expect(late.headers.connection).toBe('close');
    expect(drained).toBe(false);
    expect((await slow).whole).toBe(true);
    await expect(draining).resolves.toBe(true);
  });
});
