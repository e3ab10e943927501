import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { isPublicAddress } from './address-ranges.ts';
import type { Way } from './connector.ts';
import { bare, type Destination, Proxies, type Proxy } from './proxies.ts';
import { Turns } from './turns.ts';

/** Of names that many may name. The system looks up four at a time (https://nodejs.org/docs/latest/api/dns.html#implementation-considerations), and reads files by the same threads. */
const MOST_LOOKUPS = 2;

/** All addresses of a name. */
export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

export interface EgressOptions {
  /** Hosts that an operator lets be reached wherever they are: names or IP addresses, lower case. */
  readonly allowHosts: readonly string[];
  /** Left out: as the system resolves names. */
  readonly resolve?: Resolve;
  /** Left out: none. */
  readonly proxies?: Proxies;
}

/** Several labels, without a dot at the end, of which the last is no number: what ends with one is meant to be an address. */
const PUBLIC_NAME = /^(?:(?!-)[\da-z-]{1,63}(?<!-)\.)+(?!-)(?!0x)[\da-z-]*[a-z][\da-z-]*(?<!-)$/u;
/** Names that no public server has: RFC 6761, RFC 6762, RFC 8375 and RFC 9476; `.internal` is kept for private use by ICANN. */
const LOCAL_NAME = /(?:^|\.)(?:localhost|local|internal|alt|home\.arpa)$/u;

/** A host that is not connected to, and why. Nothing was sent. */
export class EgressRefused extends Error {
  /** As network errors carry one, so that whoever made the connection can tell it from those. */
  readonly code = 'ERR_EGRESS_REFUSED';

  constructor(host: string, isOnlyUnlisted = false) {
    super(isOnlyUnlisted ? `${host} would be reached through a proxy, and is not among the hosts that may be. If it has to be reached, an operator adds it to KEYHOLD_PROXY_ALLOW_HOSTS, or to NO_PROXY where it is reached directly.` : `${host} is, or resolves to, an address of this machine, of a private network or of another range that Keyhold does not connect to. If it has to be reached, an operator adds the host to KEYHOLD_EGRESS_ALLOW_HOSTS.`);
    this.name = 'EgressRefused';
  }
}

/**
 * The way out to hosts that somebody else than the operator has named (S33). Every address that a name has is looked at, and the connection goes to one of
 * exactly those: there is no second look at the name in between that could find another. Where a proxy makes the connection, which looks the name up by itself, an
 * operator has to have listed the host.
 */
export class Egress {
  readonly #allowed: ReadonlySet<string>;
  readonly #resolve: Resolve;
  readonly #turns = new Turns(MOST_LOOKUPS);
  readonly #flights = new Map<string, Promise<readonly LookupAddress[]>>();
  readonly #proxies: Proxies;

  constructor({ allowHosts, resolve = systemAddresses, proxies = new Proxies(null) }: EgressOptions) {
    this.#allowed = new Set(allowHosts.map((host) => bare(host.toLowerCase())));
    this.#resolve = resolve;
    this.#proxies = proxies;
  }

  /** The way to what the operator alone has named: it may be anywhere. */
  get toNamed(): Proxies {
    return this.#proxies;
  }

  /** Through which proxy a host is reached; undefined: directly, by `lookup`. Throws `EgressRefused` for one that may not be reached through it. */
  proxyFor(destination: Destination): Proxy | undefined {
    const proxy = this.#proxies.proxyFor(destination);
    if (proxy === undefined) return undefined;
    this.requireAllowedLiteral(destination.host);
    if (!this.#proxies.allows(destination.host)) throw new EgressRefused(destination.host, true);
    return proxy;
  }

  /** Throws `EgressRefused` for an address, and what the system says of a name that it does not find. A host as a URL has it, which `owner` has named, to be reached by https. */
  async requireReachable(owner: string, host: string, port = 443): Promise<void> {
    const name = bare(host.toLowerCase());
    if (this.proxyFor({ secure: true, host: name, port }) === undefined) await this.#addressesFor(owner, name);
  }

  /** Of a host that is an IP address: sockets look no name up for it, so `lookup` never sees it. Throws `EgressRefused`. */
  requireAllowedLiteral(host: string): void {
    const name = bare(host);
    if (isIP(name) !== 0 && !this.#allowed.has(name) && !isPublicAddress(name)) throw new EgressRefused(name);
  }

  /**
   * Whether a host that somebody wants to name is one that could be reached at all: a public address in its usual form, a name that may be public, or what an
   * operator allows. Where a name leads is looked at for each connection.
   */
  allows(host: string): boolean {
    const name = bare(host.toLowerCase());
    // Where a port is spared the proxy it is reached directly, and looked at then.
    if (this.#proxies.proxyFor({ secure: true, host: name, port: 443 }) !== undefined && !this.#proxies.allows(name)) return false;
    if (this.#allowed.has(name)) return true;
    return isIP(name) === 0 ? PUBLIC_NAME.test(name) && !LOCAL_NAME.test(name) : isPublicAddress(name);
  }

  /** For the `lookup` option of sockets, agents and pools. */
  readonly lookup: LookupFunction = (host, options, done) => void answer(this.#addresses(host), host, options, done);

  /**
   * As `lookup`, for hosts that one of many has named, each of whom may have a name server that does not answer: the system looks up few names at a time, and whoever
   * waits for it waits for all of them. So one name of each is looked up at a time, once for all connections that wait for it, and few at once.
   */
  lookupFor(owner: string): LookupFunction {
    return (host, options, done) => void answer(this.#addressesFor(owner, host), host, options, done);
  }

  /** The way to what one of many has named. */
  wayOf(owner: string): Way {
    return { lookup: this.lookupFor(owner), proxyFor: (destination) => this.proxyFor(destination) };
  }

  #addressesFor(owner: string, host: string): Promise<readonly LookupAddress[]> {
    const name = `${owner} ${host}`;
    let flight = this.#flights.get(name);
    if (flight === undefined) {
      flight = this.#turns.run(owner, () => this.#addresses(host)).finally(() => this.#flights.delete(name));
      this.#flights.set(name, flight);
    }
    return flight;
  }

  /** Refused as soon as one of several is refused: what a name resolves to is its owner's choice, and may differ from one look to the next. */
  async #addresses(host: string): Promise<readonly LookupAddress[]> {
    this.requireAllowedLiteral(host);
    const addresses = await this.#resolve(host);
    if (this.#allowed.has(host.toLowerCase())) return addresses;
    if (addresses.length === 0 || !addresses.every(({ address }) => isPublicAddress(address))) throw new EgressRefused(host);
    return addresses;
  }
}

async function answer(addresses: Promise<readonly LookupAddress[]>, host: string, { all = false, family }: Parameters<LookupFunction>[1], done: Parameters<LookupFunction>[2]): Promise<void> {
  const found = await addresses.then((each) => fitting(each, host, family)).catch((error: unknown) => (error instanceof Error ? error : new Error('The name could not be looked up.')));
  if (found instanceof Error) done(found, '');
  else if (all) done(null, [...found]);
  else done(null, found[0].address, found[0].family);
}

function fitting(addresses: readonly LookupAddress[], host: string, family: Parameters<LookupFunction>[1]['family']): readonly [LookupAddress, ...LookupAddress[]] {
  const wanted = family === 4 || family === 'IPv4' ? 4 : family === 6 || family === 'IPv6' ? 6 : 0;
  const [first, ...others] = addresses.filter((each) => wanted === 0 || each.family === wanted);
  if (first === undefined) throw Object.assign(new Error(`${host} has no address of this family.`), { code: 'ENOTFOUND' });
  return [first, ...others];
}

function systemAddresses(host: string): Promise<readonly LookupAddress[]> {
  return new Promise((resolve, reject) => {
    systemLookup(host, { all: true, verbatim: true }, (error, addresses) => (error === null ? resolve(addresses) : reject(error)));
  });
}
