import { plainAddress } from './limited-address.ts';

const IPV4 = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/;
const GROUP = /^[0-9A-Fa-f]{1,4}$/;
const IPV6_GROUPS = 8;

/** The address in groups of 16 bits: two of IPv4 (also in its IPv6 spelling), eight of IPv6 (RFC 4291, 2.2; a zone does not count). undefined for what is no address. */
export function addressGroups(text: string): readonly number[] | undefined {
  const address = plainAddress(text);
  if (!address.includes(':')) return ipv4Groups(address);
  const [head = '', tail, ...more] = address.split('::');
  const front = groupsOf(head, tail === undefined);
  const back = tail === undefined ? [] : groupsOf(tail, true);
  if (front === undefined || back === undefined || more.length > 0) return undefined;
  const missing = IPV6_GROUPS - front.length - back.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  return [...front, ...Array.from({ length: missing }, () => 0), ...back];
}

/** `isEnd`: an IPv4 address may stand for the last two. */
function groupsOf(part: string, isEnd: boolean): readonly number[] | undefined {
  if (part === '') return [];
  const words = part.split(':');
  const last = isEnd ? ipv4Groups(words.at(-1) ?? '') : undefined;
  const plain = last === undefined ? words : words.slice(0, -1);
  if (!plain.every((word) => GROUP.test(word))) return undefined;
  return [...plain.map((word) => Number.parseInt(word, 16)), ...(last ?? [])];
}

function ipv4Groups(text: string): readonly number[] | undefined {
  const bytes = IPV4.exec(text)?.slice(1).map(Number);
  if (bytes === undefined || bytes.some((byte) => byte > 255)) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  return [a * 256 + b, c * 256 + d];
}
