import { describe, expect, it } from 'vitest';
import { platformScope, tenantScope } from '../../ports/scope.ts';
import type { Actor } from './actor.ts';
import { Grant, makeGrant, makeUseGrant, UseGrant } from './grant.ts';

const actor: Actor = { kind: 'token', id: 'someone', role: 'tenant-admin', scope: tenantScope('acme') };
const resource = { scope: tenantScope('acme'), service: 'openai', label: 'default' };

function setUp() {
  let time = 0;
  const clock = { now: () => 0, monotonic: () => time };
  return { grant: makeGrant(clock, actor, 'credential.put', resource, 'req_1', 'row_1'), advance: (ms: number) => (time += ms) };
}

describe('Grant (S21)', () => {
  it('gives what it is about, once', () => {
    const { grant } = setUp();
    expect(grant.use('credential.update', 'credential.put')).toEqual(resource);
    expect(() => grant.use('credential.put')).toThrow(expect.objectContaining({ code: 'internal' }));
  });

  it('is of no use for another action, and is spent by the attempt', () => {
    const { grant } = setUp();
    expect(() => grant.use('credential.purge')).toThrow(expect.objectContaining({ code: 'internal' }));
    expect(() => grant.use('credential.put')).toThrow(expect.objectContaining({ code: 'internal' }));
  });

  it('lasts five seconds', () => {
    const early = setUp();
    early.advance(5_000);
    expect(early.grant.use('credential.put')).toEqual(resource);
    const late = setUp();
    late.advance(5_001);
    expect(() => late.grant.use('credential.put')).toThrow(expect.objectContaining({ code: 'unavailable' }));
  });

  it('cannot be made by anybody else', () => {
    const clock = { now: () => 0, monotonic: () => 0 };
    for (const forged of [Symbol('only authorize() makes grants'), Symbol.for('only authorize() makes grants'), undefined]) {
      expect(() => Reflect.construct(Grant, [forged, clock, actor, 'tenant.delete', { scope: platformScope }, null, null])).toThrow(/only be made by authorize/);
      expect(() => Reflect.construct(UseGrant, [forged, actor, 'acme', 'req_1'])).toThrow(/only be made by authorizeUse/);
    }
    const lookalike: Grant = Object.assign(Object.create(Grant.prototype), { actor, action: 'credential.put', resource });
    expect(() => lookalike.use('credential.put')).toThrow(TypeError);
    expect(makeUseGrant(actor, 'acme', 'req_1').tenant).toBe('acme');
  });
});
