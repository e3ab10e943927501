import { describe, expect, it } from 'vitest';
import { platformScope, tenantScope } from '../../ports/scope.ts';
import { certificateEntries } from './certificate-entries.ts';

const entry = { name: 'billing', uri: 'spiffe://example.org/app', tenant: 'acme', role: 'tenant-member' };
const read = (...entries: readonly unknown[]) => certificateEntries(JSON.stringify({ certificates: entries }));
const without = (...names: readonly string[]) => Object.fromEntries(Object.entries(entry).filter(([name]) => !names.includes(name)));

describe('who has which client certificate (R10.4)', () => {
  it('is known by one thing that a certificate says', () => {
    const digest = 'ab'.repeat(32);
    const entries = read(entry, { ...without('uri'), name: 'ops', dns: 'ops.example.com', tenant: null, role: 'platform-operator' }, { ...without('uri'), name: 'x', sha256: digest.toUpperCase().match(/../gu)?.join(':') });
    expect([...entries]).toEqual([
      ['uri spiffe://example.org/app', { name: 'billing', scope: tenantScope('acme'), role: 'tenant-member' }],
      ['dns ops.example.com', { name: 'ops', scope: platformScope, role: 'platform-operator' }],
      [`sha256 ${digest}`, { name: 'x', scope: tenantScope('acme'), role: 'tenant-member' }],
    ]);
  });

  it.each([
    ['no list', () => certificateEntries('{"certificate":[]}'), 'no list'],
    ['a name twice in one object', () => certificateEntries('{"certificates":[],"certificates":[]}'), 'no JSON'],
    ['an entry that is none', () => read('billing'), 'no object'],
    ['something unknown', () => read({ ...entry, cn: 'x' }), '"cn"'],
    ['no name', () => read({ ...entry, name: 'CN=x' }), '"name"'],
    ['no tenant', () => read(without('tenant')), 'or null'],
    ['no role', () => read(without('role')), '"role"'],
    ['nothing to know it by', () => read(without('uri')), 'exactly one of'],
    ['two things to know it by', () => read({ ...entry, dns: 'a.example.com' }), 'exactly one of'],
    ['a wildcard', () => read({ ...without('uri'), dns: '*.example.com' }), 'without wildcards'],
    ['no digest', () => read({ ...without('uri'), sha256: 'abc' }), '64 hexadecimal'],
    ['two for one', () => read(entry, { ...entry, name: 'other' }), 'two entries'],
    ['one name for two', () => read(entry, { ...entry, uri: 'spiffe://example.org/other' }), 'twice'],
  ])('refuses %s', (_what, make, message) => {
    expect(make).toThrow(message);
  });
});
