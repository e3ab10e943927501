import * as fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startWireGateway, type WireGateway } from '../../test/support/wire-gateway.ts';

const RUNS = Math.ceil(Number(process.env['KEYHOLD_TEST_RUNS'] ?? 100) / 10);

let wire: WireGateway;

beforeAll(async () => {
  wire = await startWireGateway();
});
afterAll(() => wire.close());
beforeEach(() => wire.forget());
afterEach(() => wire.expectOrder());

const LINE = 'POST /v1/chat/completions HTTP/1.1';
const key = 'authorization: Bearer key\r\n';
const first = '{"model":"m","messages":[],"user":"first"}';
const head = `${LINE}\r\nhost: a\r\n${key}`;
const length = `content-length: ${first.length}\r\n`;
const coded = 'transfer-encoding: chunked\r\n';
const size = first.length.toString(16);
const chunks = `${size}\r\n${first}\r\n0\r\n\r\n`;
/** Sent behind every attack, with a key that is valid; whoever serves it knows where the request before ended. */
const behindBody = '{"model":"m","messages":[],"user":"behind"}';
const behind = `${head}content-length: ${behindBody.length}\r\nconnection: close\r\n\r\n${behindBody}`;
/** The control plane's, so node:http reads this connection from here on. */
const toNode = 'GET /other HTTP/1.1\r\nhost: a\r\n\r\n';
/** The control plane's, too: its answer is the last. */
const ended = 'GET /other HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n';

describe.each([
  ['read by ourselves', ''],
  ['read by node:http', toNode],
])('S34 a connection %s', (_how, before) => {
  it.each([
    ['two lengths', `${head}${length}content-length: 3\r\n\r\n${first}`],
    ['the same length twice', `${head}${length}${length}\r\n${first}`],
    ['a shorter length first', `${head}content-length: 0\r\n${length}\r\n${first}`],
    ['a list of lengths', `${head}content-length: ${first.length}, ${first.length}\r\n\r\n${first}`],
    ['a length with a sign', `${head}content-length: +${first.length}\r\n\r\n${first}`],
    ['a length below zero', `${head}content-length: -${first.length}\r\n\r\n${first}`],
    ['a length in hex', `${head}content-length: 0x${size}\r\n\r\n${first}`],
    ['a length with a space inside', `${head}content-length: ${first.length} 0\r\n\r\n${first}`],
    ['a length with an underscore', `${head}content-length: 4_2\r\n\r\n${first}`],
    ['an exponent as length', `${head}content-length: 4e1\r\n\r\n${first}`],
    ['a length beyond 64 bits', `${head}content-length: 18446744073709551658\r\n\r\n${first}`],
    ['an empty length', `${head}content-length:\r\n\r\n${first}`],
    ['a length and a coding', `${head}${length}${coded}\r\n${chunks}`],
    ['a coding and a length', `${head}${coded}content-length: 4\r\n\r\n${chunks}`],
    ['a space before the colon of the length', `${head}content-length : ${first.length}\r\n\r\n${first}`],
    ['a tab before the colon of the coding', `${head}transfer-encoding\t: chunked\r\n\r\n${chunks}`],
    ['a space before a name', `${head} ${length}\r\n${first}`],
    ['a coding that is none', `${head}transfer-encoding: xchunked\r\n\r\n${chunks}`],
    ['a coding in quotes', `${head}transfer-encoding: "chunked"\r\n\r\n${chunks}`],
    ['a coding behind a vertical tab', `${head}transfer-encoding: \x0bchunked\r\n\r\n${chunks}`],
    ['chunked before another coding', `${head}transfer-encoding: chunked, identity\r\n\r\n${chunks}`],
    ['a name with a NUL', `${head}x\0: y\r\n${length}\r\n${first}`],
    ['a value with a NUL', `${head}x: y\0\r\n${length}\r\n${first}`],
    ['a value with a bell', `${head}user-agent: y\x07\r\n${length}\r\n${first}`],
    ['a DEL in a value', `${head}user-agent: y\x7f\r\n${length}\r\n${first}`],
    ['a name with a space', `${head}x y: z\r\n${length}\r\n${first}`],
    ['a name of eight bits', `${head}\xe9: z\r\n${length}\r\n${first}`],
    ['no name', `${head}: z\r\n${length}\r\n${first}`],
    ['a bare CR in a value', `${head}user-agent: a\rx: b\r\n${length}\r\n${first}`],
    ['a bare CR as the end of a line', `${head}user-agent: a\r${length}\r\n${first}`],
    ['a bare LF in front of a coding', `${head}${length}x: a\n${coded}\r\n${chunks}`],
    ['a bare LF as the end of a line', `${head}user-agent: a\n${length}\r\n${first}`],
    ['a bare LF as the end of the head', `${head}${length.trimEnd()}\n\n${first}`],
    ['a chunk size with a sign', `${head}${coded}\r\n+${chunks}`],
    ['a chunk size as 0x', `${head}${coded}\r\n0x${chunks}`],
    ['a chunk size beyond 64 bits', `${head}${coded}\r\n1000000000000000${size}\r\n${first}\r\n0\r\n\r\n`],
    ['a chunk size behind a space', `${head}${coded}\r\n ${chunks}`],
    ['a chunk that is longer than it says', `${head}${coded}\r\n5\r\n${first}\r\n0\r\n\r\n`],
    ['a bare LF behind a chunk size', `${head}${coded}\r\n${size}\n${first}\r\n0\r\n\r\n`],
    ['a bare LF behind a chunk', `${head}${coded}\r\n${size}\r\n${first}\n0\r\n\r\n`],
    ['a bare LF in a chunk extension', `${head}${coded}\r\n${size};a\n${first}\r\n0\r\n\r\n`],
    ['a bare CR in a chunk extension', `${head}${coded}\r\n${size};a\rb\r\n${first}\r\n0\r\n\r\n`],
    ['a tab in the request line', `${LINE.replace(' /', '\t/')}\r\nhost: a\r\n${key}${length}\r\n${first}`],
    ['another version', `${LINE.replace('1.1', '1.2')}\r\nhost: a\r\n${key}${length}\r\n${first}`],
    ['HTTP/0.9', `POST /v1/chat/completions\r\n${key}${length}\r\n${first}`],
    ['HTTP/2.0', `${LINE.replace('1.1', '2.0')}\r\nhost: a\r\n${key}${length}\r\n${first}`],
    ['a coding in HTTP/1.0', `${LINE.replace('1.1', '1.0')}\r\nhost: a\r\n${key}connection: keep-alive\r\n${coded}\r\n${chunks}`],
    ['a folded line', `${head}user-agent: a\r\n b\r\n${length}\r\n${first}`],
    ['a folded length', `${head}content-length:\r\n ${first.length}\r\n\r\n${first}`],
    ['a folded coding', `${head}transfer-encoding:\r\n chunked\r\n\r\n${chunks}`],
    ['a coding that begins in a folded line', `${head}${length}x: y\r\n transfer-encoding: chunked\r\n\r\n${first}`],
    ['a length among trailers', `${head}${coded}\r\n${size}\r\n${first}\r\n0\r\ncontent-length: 3\r\n\r\n`],
    ['no host', `${LINE}\r\n${key}${length}\r\n${first}`],
  ])('with %s serves nothing, and nothing that comes behind it', async (_what, bytes) => {
    await wire.exchange(before + bytes + behind);
    expect(wire.bodies).toEqual([]);
    expect(wire.started).toBe(0);
  });

  it.each([
    ['a length behind tabs and spaces', `${head}content-length:\t ${first.length} \t\r\n\r\n${first}`],
    ['chunks', `${head}${coded}\r\n${chunks}`],
    ['chunks in capitals', `${head}Transfer-Encoding: CHUNKED\r\n\r\n${chunks}`],
    ['many chunks', `${head}${coded}\r\n${first.split('').map((one) => `1\r\n${one}\r\n`).join('')}0\r\n\r\n`],
    ['chunk extensions', `${head}${coded}\r\n${size};a=b;c="d"\r\n${first}\r\n0;e\r\n\r\n`],
    ['trailers', `${head}${coded}trailer: x-late\r\n\r\n${size}\r\n${first}\r\n0\r\nauthorization: Bearer other\r\nopenai-beta: x\r\n\r\n`],
    ['zeros before a chunk size', `${head}${coded}\r\n000${chunks}`],
    ['two spaces in the request line', `${LINE.replace(' /', '  /')}\r\nhost: a\r\n${key}${length}\r\n${first}`],
    ['headers named by Connection', `${head}connection: keep-alive, authorization, content-length\r\n${length}\r\n${first}`],
    ['empty lines before it', `\r\n\r\n${head}${length}\r\n${first}`],
  ])('with %s serves its one request with the very bytes, and then the one behind it', async (_what, bytes) => {
    await wire.exchange(before + bytes + behind);
    expect(wire.bodies.toSorted()).toEqual([behindBody, first]);
    expect(wire.started).toBe(2);
  });

  it('and an upgrade that is not wanted serves its request, and the next (as the HttpClient of Java asks)', async () => {
    const upgrade = `${head}connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n${length}\r\n${first}`;
    await wire.exchange(before + upgrade, behind);
    expect(wire.bodies).toEqual([first, behindBody]);
  });

  it('with a body behind a GET forwards no byte of it, and reads none of it as a request', async () => {
    await wire.exchange(`${before}GET /v1/models HTTP/1.1\r\nhost: a\r\n${key}content-length: ${behind.length}\r\nconnection: close\r\n\r\n${behind}`);
    expect(wire.requests).toMatchObject([{ line: 'GET /v1/models HTTP/1.1', body: '' }]);
    expect(wire.requests[0]?.headers.map(([name]) => name)).not.toContain('content-type');
  });
});

/** In front of what asks for a stream (R5.6). */
const addedUsage = '"stream_options":{"include_usage":true},';

/** Somewhere in a sound request something goes wrong. */
interface Change {
  readonly at: number;
  readonly removed: number;
  readonly put: string;
}

const put = fc.oneof(
  fc.constantFrom('\r', '\n', '\r\n', '\r\n\r\n', '\r\n ', '\n\n', '\0', '\t', ' ', ':', ';', ',', '"', '\x0b', '\x7f', '\x85', '\xa0', '\xff', '0', '5', 'a', '-', '+', '0\r\n\r\n', `\r\n${coded}`, '\r\ncontent-length: 5\r\n', '\r\nx: y', '\r\nconnection: close\r\n', `\r\n\r\n${behind}`, '', ''),
  fc.string({ maxLength: 4, unit: 'binary-ascii' }),
);
const change: fc.Arbitrary<Change> = fc.record({ at: fc.nat(10_000), removed: fc.constantFrom(0, 0, 1, 1, 2, 5), put });
/** A whole line among the others, which two readers may frame differently. */
const line: fc.Arbitrary<Change> = fc.record({ at: fc.constant(LINE.length + 2), removed: fc.constant(0), put: fc.constantFrom(coded, length, 'content-length: 0\r\n', 'content-length: 5\r\n', 'Content-Length : 5\r\n', ' content-length: 5\r\n', 'transfer-encoding: x\r\n', 'x: \0\r\n', 'x: y\n', 'x: y\r', 'x y: z\r\n', 'user-agent: \x0b\r\n', 'host: b\r\n', 'connection: close\r\n', 'user-agent: c\r\n') });
const sound = fc.constantFrom(`${head}${length}\r\n${first}`, `${head}${length}content-type: application/json\r\nuser-agent: ${'b'.repeat(80)}\r\n\r\n${first}`, `${head}${coded}\r\n${chunks}`, `${head}${coded}\r\n5;a=b\r\n${first.slice(0, 5)}\r\n${(first.length - 5).toString(16)}\r\n${first.slice(5)}\r\n0\r\nx: y\r\n\r\n`);

function changed(text: string, changes: readonly Change[]): string {
  return changes.reduce((now, { at, removed, put: bytes }) => now.slice(0, at % now.length) + bytes + now.slice((at % now.length) + removed), text);
}

describe('S34 S5 S6 requests of which some bytes are others', () => {
  it('reach the provider as one request with the bytes that were sent, or not at all, whoever reads the connection', { timeout: 600_000 }, async () => {
    let served = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(sound, fc.array(fc.oneof(change, line), { minLength: 1, maxLength: 2 })), { minLength: 8, maxLength: 8 }), async (all) => {
        const sent = all.map(([text, changes]) => changed(text, changes));
        const seen: string[][] = [];
        for (const before of ['', toNode]) {
          wire.forget();
          // Whoever waits for the rest of a head or a body gets it, so that every connection ends.
          await Promise.all(sent.map((bytes) => wire.exchange(before + bytes, 'x'.repeat(20_000))));
          wire.expectOrder();
          for (const body of wire.bodies) {
            const isWhole = sent.some((bytes) => bytes.includes(body) || withoutChunks(bytes).includes(body));
            expect(isWhole, `${JSON.stringify(body)} of ${JSON.stringify(sent)}`).toBe(true);
          }
          seen.push(wire.requests.map(({ body, headers }) => JSON.stringify([body, headers])).toSorted());
          served += wire.requests.length;
        }
        expect(seen[0], JSON.stringify(sent)).toEqual(seen[1]);
      }),
      { numRuns: RUNS },
    );
    expect(served).toBeGreaterThan(0);
  });

  it('carry any body as it is, or none of it', { timeout: 600_000 }, async () => {
    const odd = fc.constantFrom('\ufeff', '\ud83d', '\u0000', '\u2028', '"', '\\', '\r\n\r\n', 'é', 'x'.repeat(5_000));
    const field = fc.tuple(fc.oneof(fc.constantFrom('model', 'stream', 'user', '__proto__', 'constructor', 'messages', 'max_tokens', 'n', 'toString'), fc.string()), fc.oneof(fc.json(), fc.constantFrom('1e999', '-0', '01', 'NaN', '"m"', 'true', '{', '"\\ud800"', '['.repeat(600) + ']'.repeat(600))));
    const object = fc.array(field, { maxLength: 5 }).map((fields) => `{"model":"m"${fields.map(([name, value]) => `,${JSON.stringify(name)}:${value}`).join('')}}`);
    const bytes = fc.oneof(
      { weight: 4, arbitrary: object.map((text) => Buffer.from(text)) },
      { weight: 1, arbitrary: fc.tuple(object, odd).map(([text, more]) => Buffer.from(text + more)) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 80 }).map((some) => Buffer.from(some)) },
      { weight: 1, arbitrary: fc.tuple(object, fc.nat(), fc.nat(255)).map(([text, at, value]) => Buffer.from(text).fill(value, at % text.length, (at % text.length) + 1)) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { minLength: 20, maxLength: 20 }), async (all) => {
        const sent = all.map((one) => one.toString('latin1'));
        const seen: string[][] = [];
        for (const before of ['', toNode]) {
          wire.forget();
          const answers = await Promise.all(sent.map((body) => wire.exchange(`${before}${head}content-length: ${body.length}\r\n\r\n${body}${ended}`)));
          for (const [at, answer] of answers.entries()) expect(answer, JSON.stringify(sent[at])).toMatch(/HTTP\/1\.1 (?:200|400) [\s\S]*HTTP\/1\.1 200 OK/);
          wire.expectOrder();
          for (const body of wire.bodies) expect(sent, JSON.stringify(body)).toContain(body.replace(addedUsage, ''));
          seen.push(wire.bodies.toSorted());
        }
        expect(seen[0]).toEqual(seen[1]);
      }),
      { numRuns: RUNS },
    );
  });
});

/** Chunks put together, whatever stands between them. */
function withoutChunks(bytes: string): string {
  return bytes.replaceAll(/\r\n[0-9a-f]+(?:;[^\r\n]*)?\r\n/gi, '');
}
