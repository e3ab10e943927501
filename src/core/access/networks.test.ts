import { describe, expect, it } from 'vitest';
import { checkedNetworks, Networks } from './networks.ts';

describe('networks of a gateway key', () => {
  it.each([
    ['192.0.2.0/24', '192.0.2.255', true],
    ['192.0.2.0/24', '192.0.3.0', false],
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.8', false],
    ['192.0.2.0/24', '::ffff:192.0.2.9', true],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['2001:db8::/32', '2001:db8:1:2::3', true],
    ['2001:DB8::/32', '2001:db8::1', true],
    ['2001:db8::/32', '2001:db9::', false],
    ['::/0', '2001:db9::1', true],
    ['fe80::/10', 'fe80::1%eth0', true],
    ['192.0.2.0/24', '', false],
    ['192.0.2.0/24', 'unknown', false],
  ])('%s and %s: %s', (network, address, isIn) => {
    expect(checkedNetworks([network])).toEqual([network]);
    expect(new Networks(['198.51.100.0/24', network]).has(address)).toBe(isIn);
  });

  it.each(['', 'localhost', '192.0.2.0/33', '192.0.2/24', '192.0.2.0/', '192.0.2.0/-1', '2001:db8::/129', '::ffff:192.0.2.0/120', 'fe80::1%eth0', '192.0.2.0/24 ', '10.0.0.0/8,192.0.2.0/24', '010.0.0.1'])('refuses %j', (text) => {
    expect(() => checkedNetworks([text])).toThrow(/is not a network/u);
  });

  it('refuses none and too many', () => {
    expect(() => checkedNetworks([])).toThrow(/from nowhere/u);
    expect(() => checkedNetworks(Array.from({ length: 101 }, () => '192.0.2.1'))).toThrow(/at most 100/u);
    expect(checkedNetworks(null)).toBeNull();
  });
});
