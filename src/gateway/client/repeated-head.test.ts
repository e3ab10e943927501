import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Presented } from '../../core/access/presented.ts';
import { PlainHeads } from './plain-head.ts';
import { RepeatedHead } from './repeated-head.ts';

const heads = new PlainHeads();
const first = 'POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer one\r\nContent-Length:  12 \r\nx-stainless-lang: js\r\n';

function remembering(text: string): RepeatedHead {
  const repeated = new RepeatedHead();
  const head = heads.read(text);
  if (head !== undefined) repeated.remember(Buffer.from(text, 'latin1'), text.length, head);
  return repeated;
}

const find = (repeated: RepeatedHead, text: string) => repeated.find(Buffer.from(`${text}\r\n{}`, 'latin1'), text.length);

describe('the head of a connection\'s last request', () => {
  it('is known again, with all that was found out about it', () => {
    const repeated = remembering(first);
    const found = find(repeated, first);
    expect(found?.head).toEqual(heads.read(first));
    expect(find(repeated, first)?.known).toBe(found?.known);
  });

  it('is known again with another length of the body, which everybody then reads', () => {
    const repeated = remembering(first);
    for (const length of ['0', '7', '12', '123', '99999999']) {
      const text = first.replace('12', length);
      expect(find(repeated, text)?.head).toEqual(heads.read(text));
    }
  });

  it.each(['', '00', '012', '1x', '-1', '+1', '1 2', '0x1', '123456789', '1\r\nx: 2', '1, 1'])('is not what a head with the length "%s" is', (length) => {
    expect(find(remembering(first), first.replace('12', length))).toBeUndefined();
  });

  it.each([
    ['another key', first.replace('one', 'two')],
    ['a longer one', first.replace('one', 'one2')],
    ['another method', first.replace('POST', 'GET')],
    ['another target', first.replace('completions', 'completion5')],
    ['a line more', `${first}x: y\r\n`],
    ['a second length', `${first}content-length: 12\r\n`],
    ['a coding', `${first}transfer-encoding: chunked\r\n`],
    ['nothing behind the length', first.slice(0, first.indexOf('x-stainless'))],
    ['its beginning', first.slice(0, 20)],
    ['nothing', ''],
  ])('is not %s', (_what, text) => {
    expect(find(remembering(first), text)).toBeUndefined();
  });

  it('is forgotten with the first other one, and not looked for where hardly any is like the one before', () => {
    const repeated = remembering(first);
    expect(find(repeated, first.replace('one', 'two'))).toBeUndefined();
    expect(find(repeated, first)).toBeUndefined();
    for (let index = 0; index < 10; index += 1) {
      const text = `${first}x-trace: ${index}\r\n`;
      expect(find(repeated, text)).toBeUndefined();
      const head = heads.read(text);
      if (head !== undefined) repeated.remember(Buffer.from(text), text.length, head);
    }
    expect(find(repeated, `${first}x-trace: 9\r\n`)).toBeUndefined();
  });

  it('is not remembered when it is large, since every open connection remembers one (S34)', () => {
    const large = `${first}x: ${'y'.repeat(2_048)}\r\n`;
    expect(find(remembering(large), large)).toBeUndefined();
  });

  it('leaves the key that was found out about to the next one, whatever that is', () => {
    const repeated = new RepeatedHead();
    let before: Presented | undefined;
    for (let index = 0; index < 10; index += 1) {
      const text = `${first}x-trace: ${index}\r\n`;
      const head = heads.read(text);
      if (head === undefined) throw new Error('no head');
      const known = repeated.remember(Buffer.from(text), text.length, head);
      expect(known.before).toBe(before);
      known.presented = before = new Presented(`key ${index}`);
    }
  });

  it('is not remembered with a provider\'s key in it, nor is the one before (S31)', () => {
    const repeated = remembering(first);
    const text = `${first}X-Keyhold-Api-Key: sk-test-not-a-real-one\r\n`;
    const head = heads.read(text);
    if (head === undefined) throw new Error('no head');
    repeated.remember(Buffer.from(text), text.length, head);
    expect(find(repeated, text)).toBeUndefined();
    expect(find(repeated, first)).toBeUndefined();
  });

  it('is only ever taken for what it would be read as (S7)', () => {
    const value = fc.string({ unit: fc.constantFrom('a', 'b', '1', '2', ' ', '\t', '\xe4'), maxLength: 4 });
    const line = fc.tuple(fc.constantFrom('host', 'content-length', 'Content-Length', 'authorization', 'x', 'x-api-key', 'transfer-encoding'), value).map(([name, text]) => `${name}:${text}\r\n`);
    const length = fc.nat({ max: 30 }).map((number) => `content-length: ${number}\r\n`);
    const lines = fc.tuple(fc.array(line, { maxLength: 2 }), length, fc.array(line, { maxLength: 2 })).map(([before, told, after]) => before.join('') + told + after.join(''));
    const head = fc.tuple(fc.constantFrom('POST /v1/a', 'POST /v1/b', 'GET /v1/a'), lines).map(([start, rest]) => `${start} HTTP/1.1\r\nhost: a\r\n${rest}`);
    fc.assert(
      fc.property(head, head, fc.nat(200), fc.constantFrom('', '1', '\r\n', ' ', '\0'), (one, other, at, put) => {
        const changed = one.slice(0, at) + put + one.slice(at + 1);
        for (const next of [other, changed, one]) {
          const found = find(remembering(one), next);
          const read = heads.read(next);
          if (found !== undefined) expect(found.head).toEqual(read);
          if (next === one && read !== undefined) expect(found).toBeDefined();
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
