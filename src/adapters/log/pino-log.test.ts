import { assert, constantFrom, oneof, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SecretValue } from '../../ports/secret-value.ts';
import { createLog } from './pino-log.ts';
import { WholeLines } from './standard-output.ts';

const noon = Date.UTC(2026, 10, 20, 12, 0, 0, 5);

function collect(pretty: boolean, level: 'debug' | 'info' | 'warn' | 'error' = 'debug') {
  const lines: string[] = [];
  return { lines, log: createLog({ level, pretty, now: () => noon, destination: { write: (line) => void lines.push(line) } }) };
}

function parsed(lines: readonly string[]): Record<string, unknown> {
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0]!) as Record<string, unknown>;
}

const secretField = { requestId: 'r', password: 'sk-test-never-logged', headers: { authorization: 'x' } };

describe('JSON lines (R3.9)', () => {
  it('have time, level as a word, event, msg, requestId and the fields given', () => {
    const { lines, log } = collect(false);
    log.info('server_started', 'Listening', { address: '127.0.0.1:8080', count: 3 });
    expect(lines[0]?.endsWith('}\n')).toBe(true);
    expect(parsed(lines)).toEqual({ time: '2026-11-20T12:00:00.005Z', level: 'info', event: 'server_started', msg: 'Listening', requestId: null, address: '127.0.0.1:8080', count: 3 });
  });

  it('R5.7: of several processes name the worker, and stay short enough to stay whole in a pipe', () => {
    const lines: string[] = [];
    const log = createLog({ level: 'debug', pretty: false, worker: 3, longest: 4_096, destination: { write: (line) => void lines.push(line) } });
    const deep = Array.from({ length: 6 }).reduce<Error>((cause) => {
      const error = new Error('€'.repeat(1_500), { cause });
      error.stack = `Error: x\n${'    at somewhere (file:///a/rather/long/path/to/a/file.ts:100:10)\n'.repeat(30)}`;
      return error;
    }, new Error('first'));
    log.info('a', 'short');
    log.error('b', '€'.repeat(1_900), { tenant: '€'.repeat(1_900), file: 'x'.repeat(1_900), error: deep });
    log.error('c', 'A sentence.', { tenant: 'acme', error: deep });
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(4_096);
    const [short, long, usual] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(short).toMatchObject({ event: 'a', msg: 'short', worker: 3 });
    expect(long).toMatchObject({ event: 'b', worker: 3, error: { type: 'Error', message: expect.stringContaining('€€€') as unknown } });
    expect(usual).toMatchObject({ event: 'c', msg: 'A sentence.', tenant: 'acme', error: { type: 'Error' } });
  });

  it('keep a percent sign as it is, and leave out fields that are undefined or no number', () => {
    const { lines, log } = collect(false);
    log.warn('a', '100 %s %d %j', { requestId: 'req_1', tenant: undefined, durationMs: Number.NaN });
    expect(parsed(lines)).toEqual({ time: expect.any(String), level: 'warn', event: 'a', msg: '100 %s %d %j', requestId: 'req_1' });
  });

  it('hold a signed head of the audit log byte by byte, and nothing that only looks like one (S30, S35)', () => {
    const note = `keyhold/token=secret\n5\n${'A'.repeat(43)}=\n\n\u2014 keyhold/x ${'B'.repeat(92)}\n`;
    const { lines, log } = collect(false);
    log.info('audit_checkpoint', 'head', { checkpoint: note });
    expect(parsed(lines)['checkpoint']).toBe(note);
    const other = collect(false);
    other.log.info('audit_checkpoint', 'head', { checkpoint: `${note}\u001B[31m` });
    expect(parsed(other.lines)['checkpoint']).toContain(String.raw`\u000a`);
    const pretty = collect(true);
    pretty.log.info('audit_checkpoint', 'head', { checkpoint: note });
    expect(pretty.lines.join('').trimEnd()).not.toContain('\n');
  });

  it('hold listed fields only, whatever object is given (R10.1)', () => {
    const { lines, log } = collect(false);
    log.info('a', 'b', secretField);
    expect(Object.keys(parsed(lines)).sort()).toEqual(['event', 'level', 'msg', 'requestId', 'time']);
  });

  it('below the level are not written', () => {
    const { lines, log } = collect(false, 'warn');
    log.debug('a', 'b');
    log.info('a', 'b');
    expect(lines).toEqual([]);
    log.error('a', 'b');
    expect(parsed(lines)['level']).toBe('error');
  });

  it('with a signed head of the audit log are written whatever the level is, or none would leave (S30)', () => {
    const { lines, log } = collect(false, 'error');
    log.info('audit_checkpoint', 'head', { checkpoint: 'x' });
    expect(parsed(lines)).toMatchObject({ level: 'info', event: 'audit_checkpoint' });
  });
});

describe('errors in the log (R10.1)', () => {
  class LibraryError extends Error {
    readonly code = 'E_LIB';
    readonly request = { headers: { authorization: 'Bearer sk-test-in-a-property-123' } };
  }

  it('have type, code, message, stack and causes, and no other property', () => {
    const { lines, log } = collect(false);
    const error = new LibraryError('outer', { cause: new TypeError('inner', { cause: new AggregateError([new Error('first')], 'both') }) });
    log.error('failed', 'It failed', { error });
    const written = parsed(lines)['error'] as Record<string, unknown>;
    expect(written).toEqual({
      type: 'Error', code: 'E_LIB', message: 'outer', stack: expect.stringMatching(/^at /u),
      cause: { type: 'TypeError', message: 'inner', stack: expect.any(String), cause: { type: 'AggregateError', message: 'both', stack: expect.any(String), cause: { type: 'Error', message: 'first', stack: expect.any(String) } } },
    });
    expect(lines.join()).not.toContain('sk-test');
  });

  it('are bounded: a chain of causes that loops, a long message, a long stack', () => {
    const { lines, log } = collect(false);
    const error = new Error('x'.repeat(100_000));
    error.cause = error;
    error.stack = `Error\n${'    at somewhere\n'.repeat(10_000)}`;
    log.error('failed', 'It failed', { error });
    expect(lines[0]?.length).toBeLessThan(50_000);
  });

  it('can be anything that was thrown, also what throws when read', () => {
    const { lines, log } = collect(false);
    const hostile = new Error('x');
    Object.defineProperty(hostile, 'message', { get: () => { throw new Error('no'); } });
    for (const error of [hostile, null, 7, { secret: 'sk-test-never-logged' }, Symbol('s'), new SecretValue('sk-test-never-logged'), 'plain text']) log.error('failed', 'It failed', { error });
    expect(lines).toHaveLength(7);
    expect(lines.join()).not.toContain('sk-test');
    expect(lines[6]).toContain('plain text');
  });

  const key = 'Zq3xV9bT7mK2pW8rY4nC6sD1fG5hJ0aL';
  it.each([
    `kh_t_0123456789abcdef_${key}${key.slice(0, 17)}`, `Bearer ${key}`, `authorization: Basic ${key}`, `sk-test-${key}`, `sk-ant-test-${key}`, `https://user:${key}@host/path`, `api_key=${key}`,
    `{"apiKey":"${key}"}`, `"password": "${key.toLowerCase()}"`, `eyJhbGciOiJ.${key}.${key}`, `Incorrect API key provided: ${key}. You can find yours`, `hvs.${key}`,
  ])('never quote what looks like a key: %s', (text) => {
    for (const pretty of [false, true]) {
      const { lines, log } = collect(pretty);
      const error = new Error(`upstream said ${text}, sorry`);
      log.error('failed', 'It failed', { error });
      log.error('failed', 'It failed', { error: text });
      expect(lines.join().toLowerCase()).not.toContain(key.toLowerCase());
      expect(lines.join()).toContain('[removed]');
    }
  });

  it('never keep half of a key that the bound would cut', () => {
    const { lines, log } = collect(false);
    for (let length = 19_950; length <= 20_010; length += 1) log.error('failed', 'It failed', { error: new Error(`${'x '.repeat(length / 2)}${key}`) });
    for (let length = 1_960; length <= 2_010; length += 1) log.error('failed', 'It failed', { error: new Error(`${'x '.repeat(length / 2)}sk-test-${key}`) });
    expect(lines.join()).not.toContain(key.slice(0, 6));
  });

  it('keep ordinary names readable', () => {
    const { lines, log } = collect(false);
    log.error('failed', 'Retrieved API key from encrypted database: tenants/acme-corp/api-keys/openai', {
      requestId: 'req_0123456789abcdef0123', error: new Error('ENOENT: no such file, open \'/var/lib/keyhold/data/usage-journal/segment-000001.jsonl\' 3f98e1c0-2b1a-4c5d-8e7f-001122334455'),
    });
    expect(lines[0]).not.toContain('[removed]');
  });

  it.each(['tenants/acme/openai', 'platform/openai', 'ai-provider-openai-tenant-acme'])('R3.9: show which secret a cache had: %s', (name) => {
    const { lines, log } = collect(false);
    log.debug('secret_cache_hit', `Cache hit for secret: ${name}`);
    log.debug('other', `Cache miss, secret: ${key}`);
    expect(lines[0]).toContain(`"msg":"Cache hit for secret: ${name}"`);
    expect(lines[1]).not.toContain(key);
  });
});

describe('S35: control, bidirectional and ANSI characters are escaped in every renderer', () => {
  const nasty = string({ unit: oneof(string({ unit: 'binary', minLength: 1, maxLength: 1 }), constantFrom('\u001B[31m', '\n', '\r', '\u0000', '\u007F', '\u009B', '\u202E', '\u2066', '\u200F', '\u2028', '\u061C', '\uFEFF', '\uD800', '\u{E0041}')) });

  it.each([false, true])('pretty: %s', (pretty) => {
    assert(property(nasty, nasty, nasty, (one, two, three) => {
      const { lines, log } = collect(pretty);
      const error = new Error(two);
      error.name = three;
      error.stack = `${error.stack ?? ''}\n    at ${one}`;
      log.error(three, one, { requestId: two, tenant: three, name: one, error });
      expect(lines).toHaveLength(1);
      const line = lines[0]!;
      expect(line.endsWith('\n')).toBe(true);
      if (pretty) {
        expect(line.slice(0, -1).split('\n').slice(1).every((later) => later.startsWith('    '))).toBe(true);
        expect(line.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
      } else {
        expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
        const values = JSON.parse(line) as Record<string, unknown>;
        for (const name of ['event', 'msg', 'requestId', 'tenant', 'name']) expect(values[name]).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
      }
    }));
  });

  it('shows a person what was there', () => {
    const { lines, log } = collect(true);
    log.warn('odd_name', 'A name \u001B[2J with \u{E0041}\nand more', { tenant: 'acme' });
    expect(lines[0]).toMatch(/^\d\d:00:00\.005 WARN {2}A name \\u001b\[2J with \\u\{e0041\}\\u000aand more event=odd_name tenant=acme\n$/u);
  });
});

describe('standard output', () => {
  function failing(...answers: readonly (number | string)[]) {
    const written: string[] = [];
    const queue = [...answers];
    const lines = new WholeLines((bytes) => {
      const answer = queue.shift() ?? bytes.length;
      if (typeof answer === 'string') throw Object.assign(new Error(answer), { code: answer });
      written.push(Buffer.from(bytes.subarray(0, answer)).toString());
      return answer;
    });
    return { written, lines };
  }

  it('writes the whole line when the system takes a part of it, or asks to wait', () => {
    const { written, lines } = failing(3, 'EAGAIN', 'EINTR', 2);
    lines.write('a line\n');
    expect(written.join('')).toBe('a line\n');
  });

  it('survives a reader that is gone and a full disk, and ends a cut line before the next', () => {
    const { written, lines } = failing('EPIPE', 'ENOSPC', 3, 'ENOSPC');
    lines.write('lost\n');
    lines.write('lost too\n');
    lines.write('cut here\n');
    lines.write('whole\n');
    expect(written.join('')).toBe('cut\nwhole\n');
  });

  it('drops a line rather than wait for ever', () => {
    const { written, lines } = failing(...Array.from({ length: 500 }, () => 'EAGAIN'));
    lines.write('lost\n');
    expect(written).toEqual([]);
  });
});
