import { KeyholdError } from '../../ports/errors.ts';
import { addressGroups } from './ip-address.ts';
import { plainAddress } from './limited-address.ts';

const MAX_NETWORKS = 100;
const CIDR = /^([0-9A-Fa-f:.]{2,45})(?:\/(0|[1-9]\d{0,2}))?$/;
const GROUP_BITS = 16;

interface Network {
  /** As `addressGroups` gives them. */
  readonly groups: readonly number[];
  readonly bits: number;
}

/** Networks that were read once, for asking often. */
export class Networks {
  readonly #networks: readonly Network[];

  /** Each of which `isNetwork`. */
  constructor(networks: readonly string[]) {
    this.#networks = networks.flatMap((text) => networkFrom(text) ?? []);
  }

  /** Whether the address lies in one of them; an IPv4 address counts as one in its IPv6 spelling, too. */
  has(address: string): boolean {
    const groups = addressGroups(address);
    return groups !== undefined && this.#networks.some((network) => contains(network, groups));
  }
}

/** The networks (CIDR, or an address alone), or null for every one. Throws `invalid_argument` for what is none. */
export function checkedNetworks(networks: readonly string[] | null): readonly string[] | null {
  if (networks === null) return null;
  if (networks.length === 0) throw refused('networks is empty, so the key could be used from nowhere. Leave it out for every network, or name at least one.');
  if (networks.length > MAX_NETWORKS) throw refused(`networks has at most ${MAX_NETWORKS} entries.`);
  for (const text of networks) {
    if (!isNetwork(text)) throw refused(`${JSON.stringify(text.slice(0, 64))} is not a network. Write 192.0.2.0/24 or 2001:db8::/32; an address alone stands for itself.`);
  }
  return [...networks];
}

/** Whether a text is a network (CIDR), or an address, which stands for itself. */
export function isNetwork(text: string): boolean {
  return networkFrom(text) !== undefined;
}

function networkFrom(text: string): Network | undefined {
  const [, address = '', length] = CIDR.exec(text) ?? [];
  const groups = plainAddress(address) === address ? addressGroups(address) : undefined;
  if (groups === undefined) return undefined;
  const most = groups.length * GROUP_BITS;
  const bits = length === undefined ? most : Number(length);
  return bits <= most ? { groups, bits } : undefined;
}

function contains({ groups, bits }: Network, address: readonly number[]): boolean {
  if (groups.length !== address.length) return false;
  for (let at = 0, left = bits; left > 0; at += 1, left -= GROUP_BITS) {
    const ignored = Math.max(0, GROUP_BITS - left);
    if ((groups[at] ?? 0) >> ignored !== (address[at] ?? 0) >> ignored) return false;
  }
  return true;
}

function refused(message: string): KeyholdError {
  return new KeyholdError('invalid_argument', message, { details: { property: 'networks' } });
}
