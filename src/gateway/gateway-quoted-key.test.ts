import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, type GatewayFixture, startGateway } from '../../test/support/gateway-fixture.ts';
import { eventAnswer, jsonAnswer, type ScriptedUpstream, startScriptedUpstream } from '../../test/support/servers/scripted-upstream.ts';

let upstream: ScriptedUpstream;
let gateway: GatewayFixture;

beforeAll(async () => {
  upstream = await startScriptedUpstream();
});
afterAll(() => upstream.close());
beforeEach(async () => {
  gateway = await startGateway({ baseUrls: { openai: `${upstream.url}/v1`, anthropic: upstream.url } });
});
afterEach(() => gateway.close());

const KEY = 'sk-test-provider-key';
const plain = { model: 'm', messages: [] };
const stream = { ...plain, stream: true };
const done = 'data: [DONE]\n\n';

describe('R10.1 errors that quote the key', () => {
  it.each([
    ['/v1/chat/completions', `data: {"error":{"message":"bad key ${KEY}"}}\n\n`],
    ['/v1/chat/completions', `data: {"error":{"message":"bad key sk\\u002dtest-provider-key"}}`],
    ['/v1/responses', `event: response.failed\ndata: {"type":"response.failed","response":{"error":{"message":"${KEY}"}}}\n\n`],
    ['/anthropic/v1/messages', `event: error\ndata: {"type":"error","error":{"type":"api_error","message":"${KEY}"}}\n\n`],
    ['/anthropic/v1/messages', `data: {"type":"error","error":{"type":"api_error","message":"${KEY}"}}\r\n\r\n`],
  ])('in a stream on %s become one of ours: %j', async (path, event) => {
    upstream.answer = eventAnswer(': begun\n\n', event, done);
    const answer = await ask(gateway.url, path, stream);
    expect(answer.whole).toBe(false);
    expect(answer.body.toString()).toMatch(/^: begun\n\n/);
    expect(answer.body.toString()).toContain('an error that quotes the key');
    expect(answer.body.toString()).not.toContain('provider-key');
    expect(gateway.ended).toMatchObject([{ outcome: 'failed', status: 200 }]);
  });

  it('keep their status and the time to wait', async () => {
    upstream.answer = jsonAnswer(429, { error: { message: KEY } }, 'retry-after: 7\r\n');
    const answer = await ask(gateway.url, '/v1/chat/completions', plain);
    expect(answer).toMatchObject({ status: 429, headers: { 'retry-after': '7', 'x-keyhold-error-origin': 'upstream' } });
    expect(answer.body.toString()).not.toContain(KEY);
    upstream.answer = jsonAnswer(422, { error: { message: KEY } });
    expect(await ask(gateway.url, '/v1/chat/completions', plain)).toMatchObject({ status: 422 });
  });

  it('do not pass in part where a long text is cut off', async () => {
    upstream.answer = jsonAnswer(400, { error: { message: `${'x'.repeat(490)}${KEY}` } });
    const answer = await ask(gateway.url, '/api/ai/chat', { message: 'Hi', provider: 'openai' });
    expect(answer.status).toBe(400);
    expect(answer.body.toString()).not.toContain('sk-');
  });
});
