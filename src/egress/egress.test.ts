import { describe, expect, it, vi } from 'vitest';
import { isPublicAddress } from './address-ranges.ts';
import { Egress, EgressRefused } from './egress.ts';

const names: Readonly<Record<string, readonly string[]>> = {
  'public.example': ['93.184.215.14', '2606:2800:21f:cb07:6820:80da:af6b:8b2c'],
  'private.example': ['10.0.0.5'],
  'mixed.example': ['93.184.215.14', '169.254.169.254'],
  'mapped.example': ['::ffff:10.0.0.5'],
};

function egress(allowHosts: readonly string[] = [], table: Readonly<Record<string, readonly string[]>> = names) {
  const asked: string[] = [];
  const made = new Egress({
    allowHosts,
    resolve: async (host) => {
      asked.push(host);
      return (table[host] ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    },
  });
  return { made, asked };
}

function lookedUp(made: Egress, host: string, all: boolean): Promise<unknown> {
  return new Promise((resolve, reject) => {
    made.lookup(host, { all }, (error, address) => (error === null ? resolve(address) : reject(error)));
  });
}

describe('which addresses are reached (S33)', () => {
  it.each([
    ['loopback', '127.0.0.1', '127.255.255.254', '::1', '0.0.0.0', '::'],
    ['private networks', '10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fc00::1', 'fd12:3456::1'],
    ['links and site-local', '169.254.1.1', 'fe80::1', 'fe80::1%eth0', 'fec0::1'],
    ['carriers\' NAT', '100.64.0.1', '100.127.255.254'],
    ['metadata services', '169.254.169.254', '100.100.100.200', '192.0.0.192', '168.63.129.16', 'fd00:ec2::254'],
    ['IPv4 in IPv6', '::ffff:127.0.0.1', '::ffff:93.184.215.14', '::10.0.0.1', '64:ff9b::a00:1', '64:ff9b:1::a00:1', '2002:a00:1::1', '2001::1'],
    ['documentation, benchmarks, multicast, what is reserved', '192.0.2.1', '198.51.100.1', '203.0.113.1', '198.18.0.1', '224.0.0.1', '255.255.255.255', '2001:db8::1', '3fff::1', 'ff02::1'],
    ['no addresses', '', 'localhost', '1.2.3', '0x7f.1', '2130706433'],
  ])('not %s', (_what, ...addresses) => {
    for (const address of addresses) expect([address, isPublicAddress(address)]).toEqual([address, false]);
  });

  it.each(['8.8.8.8', '93.184.215.14', '172.32.0.1', '100.128.0.1', '2606:4700:4700::1111', '2a00:1450:4001::1'])('but %s', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });
});

describe('the way out', () => {
  it('gives exactly the addresses that were looked at', async () => {
    const { made, asked } = egress();
    expect(await lookedUp(made, 'public.example', true)).toEqual([{ address: '93.184.215.14', family: 4 }, { address: '2606:2800:21f:cb07:6820:80da:af6b:8b2c', family: 6 }]);
    expect(await lookedUp(made, 'public.example', false)).toBe('93.184.215.14');
    expect(asked).toHaveLength(2);
  });

  it.each(['private.example', 'mixed.example', 'mapped.example', 'absent.example'])('refuses %s, also when only one of its addresses is refused', async (host) => {
    const { made } = egress();
    await expect(lookedUp(made, host, true)).rejects.toMatchObject({ code: 'ERR_EGRESS_REFUSED', message: expect.stringContaining('KEYHOLD_EGRESS_ALLOW_HOSTS') });
    await expect(made.requireReachable('acme', host)).rejects.toBeInstanceOf(EgressRefused);
  });

  it('refuses addresses as such, for which sockets look nothing up', () => {
    const { made } = egress(['127.0.0.1']);
    for (const host of ['10.0.0.1', '[::1]', '[::ffff:10.0.0.1]', '169.254.169.254']) expect(() => made.requireAllowedLiteral(host)).toThrow(EgressRefused);
    for (const host of ['127.0.0.1', '8.8.8.8', 'private.example']) expect(() => made.requireAllowedLiteral(host)).not.toThrow();
  });

  it('reaches what an operator allows, wherever it is, and nothing that only ends or begins like it', async () => {
    const { made } = egress(['Private.Example', '[::1]'], { ...names, 'evil.private.example': ['10.0.0.5'] });
    expect(await lookedUp(made, 'private.example', false)).toBe('10.0.0.5');
    expect(() => made.requireAllowedLiteral('[::1]')).not.toThrow();
    await expect(lookedUp(made, 'evil.private.example', false)).rejects.toBeInstanceOf(EgressRefused);
  });

  it('a name that was public a moment ago is looked at again for the next connection', async () => {
    const table: Record<string, readonly string[]> = { 'rebinding.example': ['93.184.215.14'] };
    const { made } = egress([], table);
    await made.requireReachable('acme', 'rebinding.example');
    table['rebinding.example'] = ['127.0.0.1'];
    await expect(lookedUp(made, 'rebinding.example', true)).rejects.toBeInstanceOf(EgressRefused);
  });
});

describe('names that many may name (S34)', () => {
  /** `stuck` names are found when they are let go. */
  function slow() {
    const asked: string[] = [];
    const stuck = new Map<string, () => void>();
    const made = new Egress({
      allowHosts: [],
      resolve: async (host) => {
        asked.push(host);
        if (host.startsWith('stuck')) await new Promise<void>((resolve) => stuck.set(host, resolve));
        return [{ address: '93.184.215.14', family: 4 }];
      },
    });
    const find = (owner: string, host: string) => new Promise<unknown>((resolve) => made.lookupFor(owner)(host, { all: false }, (error, address) => resolve(error ?? address)));
    return { asked, stuck, find, made };
  }

  it('one whose name servers do not answer keeps waiting nobody but itself', async () => {
    const { asked, stuck, find } = slow();
    const waiting = ['stuck1.example', 'stuck2.example', 'stuck3.example', 'stuck1.example'].map((host) => find('acme', host));
    expect(await find('other', 'public.example')).toBe('93.184.215.14');
    expect(asked).toEqual(['stuck1.example', 'public.example']);
    for (const host of ['stuck1.example', 'stuck2.example', 'stuck3.example']) {
      stuck.get(host)?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await Promise.all(waiting)).toEqual(Array(4).fill('93.184.215.14'));
    expect(asked).toEqual(['stuck1.example', 'public.example', 'stuck2.example', 'stuck3.example']);
  });

  it('one who asks again and again whether its own names can be reached waits alone, too', async () => {
    const { asked, stuck, find, made } = slow();
    const waiting = ['stuck1.example', 'stuck2.example', 'stuck3.example'].map((host) => made.requireReachable('acme', host));
    expect(await find('other', 'public.example')).toBe('93.184.215.14');
    expect(asked).toEqual(['stuck1.example', 'public.example']);
    for (const host of ['stuck1.example', 'stuck2.example', 'stuck3.example']) {
      stuck.get(host)?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(waiting);
  });

  it('several of them keep waiting one another: the place beside theirs stays free', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      const { asked, stuck, find } = slow();
      const settle = () => new Promise((resolve) => setImmediate(resolve));
      const first = ['a', 'b'].map((owner) => find(owner, `stuck-${owner}.example`));
      await settle();
      vi.advanceTimersByTime(20_000);
      for (const go of stuck.values()) go();
      await Promise.all(first);
      const again = ['a', 'b'].map((owner) => find(owner, `stuck-${owner}.example`));
      expect(await find('other', 'public.example')).toBe('93.184.215.14');
      await settle();
      expect(asked).toEqual(['stuck-a.example', 'stuck-b.example', 'stuck-a.example', 'public.example']);
      stuck.get('stuck-a.example')?.();
      await settle();
      await settle();
      stuck.get('stuck-b.example')?.();
      expect(await Promise.all(again)).toEqual(Array(2).fill('93.184.215.14'));
    } finally {
      vi.useRealTimers();
    }
  });

  it('a name is looked up again for what comes after, and not for what waits for it already', async () => {
    const { asked, find } = slow();
    await Promise.all([find('acme', 'public.example'), find('acme', 'public.example')]);
    await find('acme', 'public.example');
    expect(asked).toHaveLength(2);
  });

  it('no more than two at once take the system\'s time', async () => {
    const { asked, stuck, find } = slow();
    const waiting = ['a', 'b', 'c'].map((owner) => find(owner, `stuck-${owner}.example`));
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toHaveLength(2);
    stuck.get('stuck-a.example')?.();
    await waiting[0];
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toHaveLength(3);
    for (const go of stuck.values()) go();
    await Promise.all(waiting);
  });
});
