import { BlockList, isIP } from 'node:net';
import type { SecretValue } from '../ports/secret-value.ts';

/** A proxy of the operator's, which connects to hosts for us when it is asked to with CONNECT (RFC 9110, section 9.3.6). */
export interface Proxy {
  readonly host: string;
  readonly port: number;
  /** The proxy itself is spoken to by TLS. */
  readonly secure: boolean;
  /** For `Proxy-Authorization`; null: none. */
  readonly authorization: SecretValue | null;
}

/** What an operator says of proxies: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, `KEYHOLD_PROXY_ALLOW_HOSTS`. */
export interface ProxyRules {
  /** For https addresses, and for http ones; null: directly. */
  readonly https: Proxy | null;
  readonly http: Proxy | null;
  /** Hosts that are reached directly: names with those below them, `.names` for those below alone, addresses, networks, each with a port perhaps; `*`: all. Lower case. */
  readonly direct: readonly string[];
  /** The hosts that others than the operator may have named and that are reached through a proxy. Lower case. */
  readonly allowHosts: readonly string[];
}

/** Where a connection is to go. */
export interface Destination {
  readonly secure: boolean;
  /** As a URL has it. */
  readonly host: string;
  readonly port: number;
}

/** Where a request to this address is to go. */
export function destinationOf({ protocol, hostname, port }: Pick<URL, 'protocol' | 'hostname' | 'port'>): Destination {
  const secure = protocol === 'https:';
  return { secure, host: bare(hostname.toLowerCase()), port: Number(port === '' ? (secure ? 443 : 80) : port) };
}

/** Without the brackets that a URL puts around an IPv6 address. */
export function bare(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}

/** Through which proxy a host is reached. */
export class Proxies {
  readonly #rules: ProxyRules | null;
  readonly #allowed: ReadonlySet<string>;
  readonly #direct: readonly ((destination: Destination) => boolean)[];

  /** null: none. */
  constructor(rules: ProxyRules | null) {
    this.#rules = rules;
    this.#allowed = new Set(rules?.allowHosts);
    this.#direct = (rules?.direct ?? []).map(matcherOf);
  }

  /** undefined: directly, as this machine itself always is. */
  proxyFor(destination: Destination): Proxy | undefined {
    const rules = this.#rules;
    if (rules === null || isThisMachine(destination.host) || this.#direct.some((is) => is(destination))) return undefined;
    return (destination.secure ? rules.https : rules.http) ?? undefined;
  }

  /** Whether somebody else than the operator may have named a host that is reached through a proxy, which looks its name up out of our sight (S33). */
  allows(host: string): boolean {
    return this.#allowed.has(host);
  }
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

function isThisMachine(host: string): boolean {
  return host === 'localhost' || isIn(loopback, host);
}

function matcherOf(entry: string): (destination: Destination) => boolean {
  if (entry === '*') return () => true;
  const { name, port } = split(entry);
  const fits = (destination: Destination): boolean => port === undefined || port === destination.port;
  const [network = '', prefix] = name.split('/');
  const version = isIP(network);
  if (version !== 0) {
    const list = new BlockList();
    list.addSubnet(network, prefix === undefined ? (version === 4 ? 32 : 128) : Number(prefix), version === 4 ? 'ipv4' : 'ipv6');
    return (destination) => fits(destination) && isIn(list, destination.host);
  }
  const below = name.replace(/^\*?\.?/u, '.');
  return (destination) => fits(destination) && (destination.host.endsWith(below) || (below.length > name.length && destination.host === name));
}

/** `host:port`, `[IPv6]:port`, or either without a port. */
function split(entry: string): { readonly name: string; readonly port: number | undefined } {
  const { name, plain = '', port } = /^(?:\[(?<name>[^\]]*)\]|(?<plain>[^:]*))(?::(?<port>\d{1,5}))?$/u.exec(entry)?.groups ?? {};
  // What has more colons is an IPv6 address or a network of them.
  if (name === undefined && plain === '') return { name: entry, port: undefined };
  return { name: name ?? plain, port: port === undefined ? undefined : Number(port) };
}

function isIn(list: BlockList, host: string): boolean {
  const version = isIP(host);
  return version !== 0 && list.check(host, version === 4 ? 'ipv4' : 'ipv6');
}
