import { assert, property, record, string, tuple } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tenantScope } from '../../ports/scope.ts';
import type { Actor } from './actor.ts';
import { Idempotency, type IdempotentInput } from './idempotency.ts';

const HOUR = 3_600_000;

function setUp(key = Buffer.alloc(32, 1)) {
  let time = 1_000;
  const idempotency = new Idempotency(key, { now: () => time, monotonic: () => time });
  return { idempotency, advance: (ms: number) => (time += ms) };
}

const actor: Actor = { kind: 'token', id: 'aaaaaaaaaaaaaaaa', role: 'tenant-admin', scope: tenantScope('acme') };
const input: IdempotentInput = { actor, tenant: 'acme', method: 'POST', path: '/api/v1/tenants/acme/tokens', key: 'k-1', body: '{"name":"ci"}' };

describe('Idempotency (S27)', () => {
  it('the same request has the same id and passes as a repeat', () => {
    const { idempotency, advance } = setUp();
    const first = idempotency.request(input);
    advance(24 * HOUR - 1);
    const again = idempotency.request(input);
    expect(again.id).toBe(first.id);
    expect(first.id).toMatch(/^[0-9a-z]{16}$/);
    expect(() => again.requireRepeat(first.mark)).not.toThrow();
  });

  it('the same key with another body finds the first record and is refused', () => {
    const { idempotency } = setUp();
    const first = idempotency.request(input);
    const other = idempotency.request({ ...input, body: '{"name":"other"}' });
    expect(other.id).toBe(first.id);
    expect(() => other.requireRepeat(first.mark)).toThrow(/used for another body/);
  });

  it('after 24 hours the key asks to be replaced, even for the same body', () => {
    const { idempotency, advance } = setUp();
    const first = idempotency.request(input);
    advance(24 * HOUR);
    expect(() => idempotency.request(input).requireRepeat(first.mark)).toThrow(/more than 24 hours ago/);
  });

  it('a record that no such request created is a conflict', () => {
    expect(() => setUp().idempotency.request(input).requireRepeat(null)).toThrow(expect.objectContaining({ code: 'conflict' }));
  });

  it.each<[string, Partial<IdempotentInput>]>([
    ['actor', { actor: { ...actor, id: 'bbbbbbbbbbbbbbbb' } }],
    ["actor's kind", { actor: { ...actor, kind: 'gateway-key' } }],
    ['tenant', { tenant: 'other' }],
    ['platform instead of a tenant', { tenant: null }],
    ['method', { method: 'PUT' }],
    ['path', { path: '/api/v1/tenants/acme/gateway-keys' }],
    ['key', { key: 'k-2' }],
  ])('another %s is another request', (_, change) => {
    const { idempotency } = setUp();
    const first = idempotency.request(input);
    const other = idempotency.request({ ...input, ...change });
    expect(other.id).not.toBe(first.id);
    expect(other.mark.bodyDigest).not.toBe(first.mark.bodyDigest);
  });

  it('parts are framed: moving a border between them makes another request', () => {
    const parts = record({ method: string(), path: string(), key: string({ unit: 'binary-ascii', minLength: 1 }) });
    assert(
      property(tuple(parts, parts), ([a, b]) => {
        const { idempotency } = setUp();
        const safe = (text: string) => Buffer.from(text).toString('hex') || '0';
        const one = idempotency.request({ ...input, ...a, key: safe(a.key) });
        const two = idempotency.request({ ...input, ...b, key: safe(b.key) });
        const same = a.method === b.method && a.path === b.path && a.key === b.key;
        expect(one.id === two.id).toBe(same);
      }),
    );
    const { idempotency } = setUp();
    expect(idempotency.request({ ...input, method: 'POST/', path: 'x' }).id).not.toBe(idempotency.request({ ...input, method: 'POST', path: '/x' }).id);
  });

  it('without the secret key nobody can compute id or digest', () => {
    const one = setUp(Buffer.alloc(32, 1)).idempotency.request(input);
    const two = setUp(Buffer.alloc(32, 2)).idempotency.request(input);
    expect(one.id).not.toBe(two.id);
    expect(one.mark.bodyDigest).not.toBe(two.mark.bodyDigest);
  });

  it.each(['', 'a b', 'a\n', 'ü', 'x'.repeat(256)])('refuses the key %j', (key) => {
    expect(() => setUp().idempotency.request({ ...input, key })).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });

  it('takes 255 characters, and bytes as a body', () => {
    const { idempotency } = setUp();
    const text = idempotency.request({ ...input, key: 'x'.repeat(255) });
    const bytes = idempotency.request({ ...input, key: 'x'.repeat(255), body: Buffer.from('{"name":"ci"}') });
    expect(bytes.mark.bodyDigest).toBe(text.mark.bodyDigest);
  });
});
