import { execFileSync } from 'node:child_process';
import { SocketAddress } from 'node:net';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { hasPython } from '../../test/support/python.ts';
import { tenantUrl } from '../adapters/own-vault/tenant-url.ts';
import { registeredAddress } from '../core/credentials/registered-address.ts';
import { isPublicAddress } from './address-ranges.ts';
import { Egress, EgressRefused } from './egress.ts';

/**
 * Python's `ipaddress`, which knows the registries of IANA on its own, says of each address whether it may be reached; `either` where its versions differ, or
 * where the product is stricter and says why (address-ranges.ts).
 */
const ORACLE = `
import ipaddress, json, sys
nets = lambda *texts: [ipaddress.ip_network(text) for text in texts]
EITHER = nets("168.63.129.16/32", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.175.48.0/24", "192.0.0.0/24", "2001::/23", "3fff::/20")
NAT64 = nets("64:ff9b::/96", "64:ff9b:1::/48")
def verdict(text):
    a = ipaddress.ip_address(text)
    if any(a.version == n.version and a in n for n in EITHER): return "either"
    no = not a.is_global or a.is_multicast or a.is_reserved or a.is_link_local or a.is_loopback or a.is_unspecified
    if a.version == 6:
        no = no or a.is_site_local or a.ipv4_mapped is not None or a.sixtofour is not None or a.teredo is not None or any(a in n for n in NAT64) or a.scope_id is not None or int(a) < 2 ** 48
    return "no" if no else "yes"
print(json.dumps([verdict(text) for text in json.load(sys.stdin)]))
`;

const octets = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
const dotted = (parts: readonly number[]): string => parts.join('.');
const groups = (count: number) => fc.array(fc.nat(0xffff), { minLength: count, maxLength: count });
const six = (first: readonly number[], rest: readonly number[]): string => [...first, ...rest].map((group) => group.toString(16)).join(':');

/** Anything, and more often what lies at the edges of what is refused. */
const edges4 = [[0, 0], [9, 255], [10, 0], [11, 0], [100, 63], [100, 64], [100, 127], [100, 128], [126, 255], [127, 0], [128, 0], [168, 63], [169, 253], [169, 254], [169, 255], [172, 15], [172, 16], [172, 31], [172, 32], [192, 0], [192, 31], [192, 52], [192, 88], [192, 167], [192, 168], [192, 169], [198, 17], [198, 18], [198, 19], [198, 20], [198, 51], [203, 0], [223, 255], [224, 0], [239, 255], [240, 0], [255, 255]] as const;
const ip4 = fc.oneof(
  octets.map(dotted),
  fc.tuple(fc.constantFrom(...edges4), fc.constantFrom(0, 1, 2, 52, 99, 100, 113, 129, 175, 193, 196, 254, 255), fc.constantFrom(0, 1, 16, 254, 255)).map(([[a, b], c, d]) => dotted([a, b, c, d])),
);
const heads6 = [[0x2000], [0x2001], [0x2001, 0], [0x2001, 1], [0x2001, 0x20], [0x2001, 0x1ff], [0x2001, 0x200], [0x2001, 0xdb8], [0x2002], [0x2003], [0x2606], [0x3ffe], [0x3fff], [0x3fff, 0xfff], [0x3fff, 0x1000], [0x4000], [0x5f00], [0x64, 0xff9b], [0x64, 0xff9b, 1], [0x100], [0xfc00], [0xfdff], [0xfe80], [0xfebf], [0xfec0], [0xfeff], [0xff02], [0, 0, 0, 0, 0, 0xffff], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0xffff, 0]] as const;
const ip6 = fc.oneof(
  groups(8).map((all) => six(all, [])),
  fc.tuple(fc.constantFrom(...heads6), groups(8)).map(([head, rest]) => six(head, rest.slice(head.length))),
  fc.tuple(fc.constantFrom('::ffff:', '::', '64:ff9b::', '2001::', '::ffff:0:'), ip4).map(([head, tail]) => head + tail),
  octets.map(([a, b, c, d]) => six([0x2002, a * 256 + b, c * 256 + d], [0, 0, 0, 0, 1])),
);

const seed = Number(process.env['KEYHOLD_TEST_SEED'] ?? Date.now() % 2 ** 31);
let verdicts: readonly (readonly [address: string, verdict: 'yes' | 'no' | 'either'])[];

describe.skipIf(!hasPython())(`GHSA-w98g-5w9p-p3rc: which addresses are public, beside another program's opinion (S33, KEYHOLD_TEST_SEED=${seed})`, () => {
  beforeAll(() => {
    const addresses = [...fc.sample(ip4, { numRuns: 5_000, seed }), ...fc.sample(ip6, { numRuns: 5_000, seed })];
    const said: unknown = JSON.parse(execFileSync('python3', ['-c', ORACLE], { input: JSON.stringify(addresses), maxBuffer: 2 ** 24, encoding: 'utf8' }));
    verdicts = addresses.map((address, at) => [address, (said as ('yes' | 'no' | 'either')[])[at]!]);
  });

  it('none that it refuses is reached, and none that it lets through is refused', () => {
    const wrong = verdicts.filter(([address, verdict]) => verdict !== 'either' && isPublicAddress(address) !== (verdict === 'yes'));
    expect(wrong).toEqual([]);
    for (const verdict of ['yes', 'no']) expect(verdicts.filter(([, given]) => given === verdict).length).toBeGreaterThan(1_000);
  });

  it('nor does one get through as a host that somebody registers, or asks for', () => {
    const egress = new Egress({ allowHosts: [] });
    for (const [address, verdict] of verdicts) {
      if (verdict !== 'no') continue;
      const host = address.includes(':') ? `[${address}]` : address;
      expect([host, outcome(`https://${host}`)]).toEqual([host, 'refused']);
      expect(() => egress.requireAllowedLiteral(host)).toThrow(EgressRefused);
    }
  });
});

/** One number as people who want to get past a filter write it. */
const spelled = fc.constantFrom('10', '8', '16', '08').map((base) => (value: number) => (base === '16' ? `0x${value.toString(16)}` : base === '8' ? `0${value.toString(8)}` : base === '08' ? `000${value.toString(8)}` : String(value)));
/** One address in one to four numbers, each in a spelling of its own. */
const oddSpelling = fc.tuple(octets, fc.integer({ min: 1, max: 4 }), fc.tuple(spelled, spelled, spelled, spelled), fc.boolean(), fc.constantFrom('', '.', '..')).map(([[a, b, c, d], count, write, upper, dot]) => {
  const numbers = [[((a * 256 + b) * 256 + c) * 256 + d], [a, (b * 256 + c) * 256 + d], [a, b, c * 256 + d], [a, b, c, d]][count - 1] ?? [];
  const text = numbers.map((value, at) => write[at]!(value)).join('.');
  return { plain: dotted([a, b, c, d]), text: (upper ? text.toUpperCase() : text) + dot };
});

/** What becomes of an address that a tenant registers: `refused`, or the host that keys would go to. */
function outcome(text: string): string {
  const egress = new Egress({ allowHosts: [] });
  try {
    return new URL(registeredAddress({ name: 'endpoint', kind: 'https-url', required: true }, text, (host) => egress.allows(host))).hostname;
  } catch {
    return 'refused';
  }
}

/** The same for a vault of a tenant's own, whose host is looked at by the way out. */
function vaultOutcome(text: string): string {
  try {
    const { hostname } = tenantUrl(text, { property: 'address', example: '', allowHttpOnLoopback: false, mayHavePath: true });
    new Egress({ allowHosts: [] }).requireAllowedLiteral(hostname);
    return hostname;
  } catch {
    return 'refused';
  }
}

describe('CVE-2025-66405, Portkey#1718: hosts in other words', () => {
  it('decimal, octal, hexadecimal and shortened addresses, with and without dots behind them, are what they stand for or nothing', () => {
    fc.assert(
      fc.property(oddSpelling, ({ plain, text }) => {
        const expected = text === plain && isPublicAddress(plain) ? plain : 'refused';
        expect(outcome(`https://${text}`)).toBe(expected);
        // With two dots it is a name, which is looked at when it is looked up.
        if (!text.endsWith('..')) expect(isPublicAddress(plain) ? [plain, 'refused'] : ['refused']).toContain(vaultOutcome(`https://${text}`));
      }),
      { numRuns: 2_000 },
    );
  });

  it('IPv6 in every spelling is one address, and reaches nothing that its shortest form does not', () => {
    const spellings = fc.tuple(groups(8), fc.constantFrom<(text: string) => string>((text) => text, (text) => text.toUpperCase(), (text) => text.replace(/\b([0-9a-f]{1,3})\b/g, '0$1'), (text) => `${text}%25lo`, (text) => `${text}%lo`, (text) => `${text}]@[${text}`));
    fc.assert(
      fc.property(spellings, ([all, write]) => {
        const address = six(all, []);
        const shortest = new SocketAddress({ address, family: 'ipv6' }).address;
        const [first, second] = [outcome(`https://[${write(address)}]`), vaultOutcome(`https://[${write(address)}]`)];
        const allowed = isPublicAddress(shortest) ? ['refused', new URL(`https://[${address}]`).hostname] : ['refused'];
        expect(allowed).toContain(first);
        expect(allowed).toContain(second);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    'localhost', 'LOCALHOST', 'localhost.', 'x.localhost', 'localhost.localdomain.local', 'printer.local', 'metadata.google.internal', 'METADATA.GOOGLE.INTERNAL', 'host.home.arpa', 'intranet', 'kubernetes', '１２７.0.0.1', '127。0。0。1', '①②⑦.0.0.1', 'ⓛocalhost', 'ｌocalhost', 'loc\u00adalhost', 'bücher.example', '127.0.0.1.', '0', '0.0.0.0',
    'user@127.0.0.1', 'public.example@127.0.0.1', 'public.example:443@127.0.0.1', '127.0.0.1#.public.example', '127.0.0.1?.public.example', '127.0.0.1\\.public.example', '127.0.0.1%23.public.example', '127.0.0.1%2f.public.example', 'public.example\u0000.127.0.0.1', 'public.example\t', '[::]', '[::1]', '[::ffff:127.0.0.1]', '[0:0:0:0:0:ffff:7f00:1]', '[fe80::1]', '127.0.0.1:443', 'a..example', '-a.example', 'example.0x7f', 'example.1',
  ])('%j is not registered', (host) => {
    expect(outcome(`https://${host}`)).toBe('refused');
  });

  it.each(['localhost', 'localhost.', '2130706433', '0x7f.1', '017700000001', '127.1', '0'])('%s, which the system makes an address of this machine of, is not connected to', async (host) => {
    await expect(new Egress({ allowHosts: [] }).requireReachable('acme', host)).rejects.toSatisfy((error) => error instanceof EgressRefused || (error as NodeJS.ErrnoException).code === 'ENOTFOUND');
  });
});
