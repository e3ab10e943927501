import { isIP } from 'node:net';
import { plainAddress } from '../../core/access/limited-address.ts';
import { Networks } from '../../core/access/networks.ts';

/** More hops than any chain of proxies has; what stands further to the left is nobody's business. */
const MAX_HOPS = 64;
/** As some load balancers write hops: an address with the port it came from, IPv6 then in brackets. */
const WITH_PORT = /^(?:\[([^\]]+)\]|(\d{1,3}(?:\.\d{1,3}){3}))(?::\d{1,5})?$/;

/**
 * The one place that knows where a request comes from: the other end of its connection, unless that is a proxy which the operator trusts
 * (`KEYHOLD_TRUSTED_PROXIES`). Then `X-Forwarded-For` is read from its right end, where the nearest proxy wrote, and the first address that is no trusted
 * proxy's is the client's: what stands to the left of it is what that client claims. `Forwarded` and every other header say nothing (S6).
 */
export class ClientAddresses {
  readonly #trusted: Networks;
  readonly #trustsNobody: boolean;

  /** `trusted`: networks, and addresses (`isNetwork`). */
  constructor(trusted: readonly string[]) {
    this.#trusted = new Networks(trusted);
    this.#trustsNobody = trusted.length === 0;
  }

  /** IPv4 addresses in their own spelling, also where they came by IPv6; `unknown` where the connection is gone. `peer`: the other end, as a socket tells it. */
  of(peer: string | undefined, rawHeaders: readonly string[]): string {
    if (peer === undefined) return 'unknown';
    const nearest = plainAddress(peer);
    if (this.#trustsNobody || !this.isTrusted(nearest)) return nearest;
    let known = nearest;
    for (const hop of hopsOf(rawHeaders)) {
      const address = addressOf(hop);
      // A trusted proxy that tells no address: it knows the client no better than by its own.
      if (address === undefined) return known;
      known = address;
      if (!this.isTrusted(address)) return address;
    }
    return known;
  }

  /** Whether it is one of the proxies. */
  isTrusted(address: string): boolean {
    return this.#trusted.has(address);
  }
}

/** From the right: the last of the last line first. */
function hopsOf(rawHeaders: readonly string[]): readonly string[] {
  const lines: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    if (name.length === 'x-forwarded-for'.length && name.toLowerCase() === 'x-forwarded-for') lines.push(rawHeaders[at + 1] ?? '');
  }
  return lines.length === 0 ? [] : lines.join(',').split(',').toReversed().slice(0, MAX_HOPS);
}

function addressOf(hop: string): string | undefined {
  const text = hop.trim();
  const [, six, four] = WITH_PORT.exec(text) ?? [];
  const address = plainAddress(six ?? four ?? text);
  return isIP(address) === 0 ? undefined : address;
}
