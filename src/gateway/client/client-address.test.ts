import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClientAddresses } from './client-address.ts';

const proxies = new ClientAddresses(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32']);

const forwarded = (...lines: readonly string[]): readonly string[] => ['host', 'a', ...lines.flatMap((line) => ['X-Forwarded-For', line])];

describe('where a request comes from (S6)', () => {
  it.each([
    ['a stranger says anything', '198.51.100.1', ['203.0.113.5'], '198.51.100.1'],
    ['a trusted proxy tells', '10.1.2.3', ['203.0.113.5'], '203.0.113.5'],
    ['the client made some up before', '10.1.2.3', ['1.1.1.1, 10.9.9.9, 203.0.113.5'], '203.0.113.5'],
    ['through several of them', '10.1.2.3', ['1.1.1.1, 203.0.113.5, 192.0.2.7, 2001:db8::5'], '203.0.113.5'],
    ['in several lines, which are one list', '10.1.2.3', ['1.1.1.1', '203.0.113.5', '192.0.2.7'], '203.0.113.5'],
    ['nothing', '10.1.2.3', [], '10.1.2.3'],
    ['only proxies', '10.1.2.3', ['10.4.4.4, 10.5.5.5'], '10.4.4.4'],
    ['with ports and brackets', '10.1.2.3', ['203.0.113.5:4711, 192.0.2.7:80, [2001:db8::5]:443'], '203.0.113.5'],
    ['an IPv6 client', '10.1.2.3', ['[2001:dead::1]:443'], '2001:dead::1'],
    ['IPv4 as IPv6', '::ffff:10.1.2.3', ['::ffff:203.0.113.5'], '203.0.113.5'],
    ['no address', '10.1.2.3', ['203.0.113.5, unknown'], '10.1.2.3'],
    ['no address behind a trusted hop', '10.1.2.3', ['203.0.113.5, _hidden, 192.0.2.7'], '192.0.2.7'],
    ['an empty entry', '10.1.2.3', ['203.0.113.5,'], '10.1.2.3'],
  ])('%s', (_what, peer, lines, client) => {
    expect(proxies.of(peer, forwarded(...lines))).toBe(client);
  });

  it('Forwarded, X-Real-IP and the like are never read', () => {
    const names = ['Forwarded', 'X-Real-IP', 'True-Client-IP', 'CF-Connecting-IP', 'X-Client-IP', 'X-Forwarded'];
    expect(proxies.of('10.1.2.3', names.flatMap((name) => [name, name === 'Forwarded' ? 'for=203.0.113.5' : '203.0.113.5']))).toBe('10.1.2.3');
  });

  it('is the other end of the connection where no proxy is trusted, and unknown where that is gone', () => {
    const none = new ClientAddresses([]);
    expect(none.of('::ffff:127.0.0.1', forwarded('203.0.113.5'))).toBe('127.0.0.1');
    expect(none.of(undefined, [])).toBe('unknown');
  });

  it('no header makes a stranger somebody else, and a proxy\'s answer is always an address', () => {
    const line = fc.oneof(fc.string(), fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string({ maxLength: 8 }))).map((hops) => hops.join(', ')));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 4 }), (lines) => {
        expect(proxies.of('198.51.100.1', forwarded(...lines))).toBe('198.51.100.1');
        expect(proxies.of('10.1.2.3', forwarded(...lines))).toMatch(/^[\da-f:.]+$/i);
        expect(proxies.of('10.1.2.3', forwarded(...lines, '203.0.113.5'))).toBe('203.0.113.5');
      }),
    );
  });
});
