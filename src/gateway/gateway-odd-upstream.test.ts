import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, type GatewayFixture, startGateway } from '../../test/support/gateway-fixture.ts';
import { eventAnswer, type ScriptedUpstream, startScriptedUpstream } from '../../test/support/servers/scripted-upstream.ts';

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

const plain = { model: 'm', messages: [] };
const stream = { ...plain, stream: true };
const hello = 'data: {"choices":[{"delta":{"content":"hello"}}]}\n\n';
const usage = 'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}\n\n';
const done = 'data: [DONE]\n\n';

describe('R5.2 the end of a stream', () => {
  it.each([
    ['behind a long comment', [hello, usage, `: ${'still working '.repeat(10)}\n${done}`]],
    ['with an id', [hello, usage, `id: ${'7'.repeat(80)}\n${done}`]],
    ['without its blank line', [hello, usage, 'data: [DONE]']],
    ['without a space', [hello, usage, 'data:[DONE]\n\n']],
    ['with CR LF, in pieces', [(hello + usage).replaceAll('\n', '\r\n'), 'data: [DO', 'NE]\r\n\r', '\n']],
    ['with CR', [(hello + usage + done).replaceAll('\n', '\r')]],
    ['with more behind it', [hello, usage, `${done}: bye\n\n`]],
  ])('is found %s', async (_where, pieces) => {
    upstream.answer = eventAnswer(...pieces);
    const answer = await ask(gateway.url, '/v1/chat/completions', stream);
    expect(answer.whole).toBe(true);
    expect(answer.body.toString()).toBe(pieces.join('').replace(/data: \{"choices":\[\].*?\}\}(?:\n\n|\r\r|\r\n\r\n)/, ''));
    expect(gateway.ended).toMatchObject([{ outcome: 'completed', estimated: false, inputTokens: 3, outputTokens: 4 }]);
  });

  it('is not what a model says', async () => {
    upstream.answer = eventAnswer('data: {"choices":[{"delta":{"content":"data: [DONE]"}}]}\n\n');
    expect((await ask(gateway.url, '/v1/chat/completions', stream)).whole).toBe(false);
    expect(gateway.ended).toMatchObject([{ outcome: 'failed' }]);
  });

  it.each(['\n', '\r\n'])('R5.3 that never comes leaves an estimate of what came, with line ends %j', async (end) => {
    const text = 'twenty characters!!!';
    const delta = `event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"type":"text_delta","text":"${text}"}}\n\n`;
    upstream.answer = eventAnswer(delta.replaceAll('\n', end), delta.replaceAll('\n', end));
    expect((await ask(gateway.url, '/anthropic/v1/messages', stream)).whole).toBe(false);
    expect(gateway.ended).toMatchObject([{ outcome: 'failed', estimated: true, outputTokens: 10 }]);
  });
});

describe('answers that are no HTTP, or not all of it', () => {
  const whole = JSON.stringify({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 4 } });
  const head = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';

  it.each([
    ['nothing', []],
    ['half a head', [head]],
    ['no HTTP', ['hello\r\n\r\n']],
    ['two lengths', [`${head}content-length: 5\r\ncontent-length: 6\r\n\r\n${whole}`]],
    ['a length and chunks', [`${head}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"a":\r\n0\r\n\r\n`]],
    ['less than was announced', [`${head}content-length: ${whole.length + 1}\r\n\r\n${whole}`]],
    ['no last chunk', [`${head}transfer-encoding: chunked\r\n\r\n${whole.length.toString(16)}\r\n${whole}\r\n`]],
    ['a control character in a header', [`${head}openai-version: a\x01b\r\ncontent-length: ${whole.length}\r\n\r\n${whole}`]],
    ['another protocol', ['HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n']],
  ])('%s: 502, failed', async (_what, pieces) => {
    upstream.answer = pieces;
    const answer = await ask(gateway.url, '/v1/chat/completions', plain);
    expect(answer).toMatchObject({ status: 502, whole: true, headers: { 'x-keyhold-error-origin': 'keyhold' } });
    expect(gateway.ended).toMatchObject([{ outcome: 'failed' }]);
  });

  it('S7 early hints and trailers do not pass', async () => {
    upstream.answer = [
      'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n',
      `${head}transfer-encoding: chunked\r\n\r\n${whole.length.toString(16)}\r\n${whole}\r\n0\r\nx-keyhold-credential: other\r\nset-cookie: a=b\r\n\r\n`,
    ];
    const answer = await ask(gateway.url, '/v1/chat/completions', plain);
    expect(answer).toMatchObject({ status: 200, headers: { 'x-keyhold-credential': 'cred_test000000000000' } });
    expect(answer.body.toString()).toBe(whole);
    expect(answer.headers).not.toHaveProperty('link');
    expect(answer.headers).not.toHaveProperty('set-cookie');
    expect(gateway.ended).toMatchObject([{ outcome: 'completed', inputTokens: 3, outputTokens: 4 }]);
  });
});
