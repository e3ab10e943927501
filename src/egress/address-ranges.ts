import { BlockList, isIP, isIPv4 } from 'node:net';

/**
 * Where nobody's public server is: this machine, private networks, links, carriers' NAT, documentation, benchmarks, multicast, what is reserved
 * (https://www.iana.org/assignments/iana-ipv4-special-registry), and the one public address that Azure answers its machines on
 * (https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16).
 */
const REFUSED_IPV4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];

/**
 * Of IPv6 only what is given out to networks counts (https://www.iana.org/assignments/ipv6-unicast-address-assignments): so neither loopback, unique
 * local, link-local and site-local addresses nor any form of an IPv4 address (mapped, compatible, NAT64) get through.
 */
const GLOBAL_IPV6 = ['2000::', 3] as const;
/** Teredo, ORCHID and other protocols' own; documentation; 6to4, which holds an IPv4 address; documentation again. */
const REFUSED_IPV6: readonly (readonly [string, number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

const refused = new BlockList();
for (const [network, prefix] of REFUSED_IPV4) refused.addSubnet(network, prefix, 'ipv4');
const refusedSix = new BlockList();
for (const [network, prefix] of REFUSED_IPV6) refusedSix.addSubnet(network, prefix, 'ipv6');
const globalSix = new BlockList();
globalSix.addSubnet(...GLOBAL_IPV6, 'ipv6');

/** Whether an address is one of the public internet, so that connecting to it reaches nothing that only this machine or its network may (S33). */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !refused.check(address, 'ipv4');
  if (isIP(address) !== 6 || address.includes('%')) return false;
  return globalSix.check(address, 'ipv6') && !refusedSix.check(address, 'ipv6');
}
