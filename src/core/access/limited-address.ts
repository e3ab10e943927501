const MAPPED = /^::ffff:(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})$/i;
const NETWORK_GROUPS = 4;

/**
 * What a limit per address counts: an IPv4 address as it is (also in its IPv6 spelling), of an IPv6 address its /64, since one
 * caller has all of it (RFC 6177).
 */
export function limitedAddress(address: string): string {
  const plain = plainAddress(address);
  if (!plain.includes(':')) return plain;
  const [head = '', tail] = plain.split('::', 2);
  const front = groupsOf(head);
  const back = tail === undefined ? [] : groupsOf(tail);
  const gap = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length);
  const groups = [...front, ...Array.from({ length: gap }, () => '0'), ...back];
  return `${groups.slice(0, NETWORK_GROUPS).map((group) => group.toLowerCase().replace(/^0+(?=.)/, '')).join(':')}::/64`;
}

/** An address without a zone, an IPv4 one in its own spelling. */
export function plainAddress(address: string): string {
  if (!address.includes(':') && !address.includes('%')) return address;
  return MAPPED.exec(address)?.[1] ?? address.split('%', 1).join('');
}

function groupsOf(part: string): string[] {
  return part === '' ? [] : part.split(':');
}
