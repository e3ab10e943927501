import { describe, expect, it } from 'vitest';
import { limitedAddress } from './limited-address.ts';
import { UnknownKeys } from './unknown-keys.ts';

function setUp() {
  let time = 5_000;
  const keys = new UnknownKeys({ now: () => 0, monotonic: () => time });
  return { keys, advance: (ms: number) => (time += ms) };
}

describe('UnknownKeys (R0.3: more than 20 unknown keys a minute from one address)', () => {
  it('lets 20 unknown keys pass and blocks the next one until the first is a minute old', () => {
    const { keys, advance } = setUp();
    for (let count = 0; count < 20; count += 1) {
      expect(keys.blockedFor('192.0.2.1')).toBeUndefined();
      keys.note('192.0.2.1');
      advance(100);
    }
    expect(keys.blockedFor('192.0.2.1')).toBe(58);
    advance(57_500);
    expect(keys.blockedFor('192.0.2.1')).toBe(1);
    advance(500);
    expect(keys.blockedFor('192.0.2.1')).toBeUndefined();
    keys.note('192.0.2.1');
    expect(keys.blockedFor('192.0.2.1')).toBe(1);
  });

  it('never lets more than 20 through in any minute', () => {
    const { keys, advance } = setUp();
    const passed: number[] = [];
    for (let time = 0; time < 300_000; time += 700) {
      if (keys.blockedFor('192.0.2.1') === undefined) {
        passed.push(time);
        keys.note('192.0.2.1');
      }
      advance(700);
    }
    for (const start of passed) expect(passed.filter((time) => time >= start && time < start + 60_000).length).toBeLessThanOrEqual(20);
  });

  it('does not block another address', () => {
    const { keys } = setUp();
    for (let count = 0; count < 30; count += 1) keys.note('192.0.2.1');
    expect(keys.blockedFor('192.0.2.1')).toBe(60);
    expect(keys.blockedFor('192.0.2.2')).toBeUndefined();
  });

  it('notes while blocked do not make the block longer', () => {
    const { keys, advance } = setUp();
    for (let count = 0; count < 20; count += 1) keys.note('192.0.2.1');
    advance(59_000);
    for (let count = 0; count < 100; count += 1) keys.note('192.0.2.1');
    advance(1_000);
    expect(keys.blockedFor('192.0.2.1')).toBeUndefined();
  });

  it('keeps a bounded number of addresses: the one noted least lately is forgotten', () => {
    const { keys } = setUp();
    for (let count = 0; count < 20; count += 1) keys.note('192.0.2.1');
    for (let count = 0; count < 10_000; count += 1) keys.note(`10.0.${count >> 8}.${count & 255}`);
    expect(keys.blockedFor('192.0.2.1')).toBeUndefined();
  });

  it('one IPv6 network is one caller', () => {
    const { keys } = setUp();
    for (let count = 0; count < 20; count += 1) keys.note(`2001:db8:1:2::${count.toString(16)}`);
    expect(keys.blockedFor('2001:db8:1:2:ffff::1')).toBe(60);
    expect(keys.blockedFor('2001:db8:1:3::1')).toBeUndefined();
  });
});

describe('limitedAddress', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::FFFF:192.0.2.7', '192.0.2.7'],
    ['::1', '0:0:0:0::/64'],
    ['2001:db8:0:2::', '2001:db8:0:2::/64'],
    ['2001:0DB8:0000:0002:1:2:3:4', '2001:db8:0:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['unknown', 'unknown'],
  ])('%s counts as %s', (address, counted) => {
    expect(limitedAddress(address)).toBe(counted);
  });
});
