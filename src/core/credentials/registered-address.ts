import type { SettingSpec } from '../catalog/service.ts';

const HOST_PART = /^[a-z0-9-]{1,63}$/;
const HOST_NAME = /^(?!-)[a-z0-9-]{1,63}(?:\.(?!-)[a-z0-9-]{1,63})+$/;
const URL_TEXT = /^https:\/\/[A-Za-z0-9._~:/[\]-]{1,2000}$/i;
/** Below are those of other protocols, where https lives on none but its own. */
const LOWEST_PORT = 1_024;

/** Whether keys may be sent to a host, as a URL has it: a name, which is looked up and checked for each connection (S33), or an address. */
export type MayReach = (host: string) => boolean;

/** What nobody has opened: names only. */
export const namesOnly: MayReach = (host) => HOST_NAME.test(host) && !/\.\d+$/.test(host);

/** What is wrong with an address, as the rest of a sentence that begins with the setting's name; it is quoted nowhere, since it may hold a password. */
export class AddressProblem extends Error {}

/**
 * The address that a tenant registers for its key, in one form: lower-case host, no standard port, no slash at its end (S3, S4). It is what it looks like to every
 * reader: nothing that a parser of URLs would forgive or rewrite. Throws `AddressProblem`.
 */
export function registeredAddress({ hostSuffixes }: SettingSpec, value: unknown, mayReach: MayReach): string {
  if (typeof value !== 'string' || !URL_TEXT.test(value)) {
    throw new AddressProblem('has to be an address that begins with https:// and has no user name, query, fragment or encoded characters');
  }
  const url = URL.parse(value);
  const written = /^https:\/\/([^/]*)/i.exec(value)?.[1]?.toLowerCase() ?? '';
  // 0x7f.1, 017700000001 and the like become addresses here, and are none in their own words.
  if (url === null || (written !== url.host && written !== `${url.hostname}:443`)) throw new AddressProblem('has to be an https address whose host is written plainly: a name, or an IP address in its usual form, without odd numbers or brackets');
  if (/\/\/|\/\.{1,2}(\/|$)/.test(value.slice('https://'.length))) throw new AddressProblem('has a path with "//", "." or ".."');
  if (hostSuffixes === undefined) requirePort(url);
  else requireSuffix(url, hostSuffixes);
  if (!mayReach(url.hostname)) {
    throw new AddressProblem('names a host that keys are not sent to: one on this machine, in a private network or in another such range, or one that would be reached through a proxy and is not listed. If it has to be reached, an operator adds the host to KEYHOLD_EGRESS_ALLOW_HOSTS, or to KEYHOLD_PROXY_ALLOW_HOSTS where there is a proxy');
  }
  return `${url.origin}${url.pathname.replace(/\/$/, '')}`;
}

function requireSuffix(url: URL, suffixes: readonly string[]): void {
  if (url.port !== '') throw new AddressProblem('has to be an https address on the standard port');
  const suffix = suffixes.find((candidate) => url.hostname.endsWith(candidate));
  if (suffix === undefined || !HOST_PART.test(url.hostname.slice(0, -suffix.length))) {
    throw new AddressProblem(`has to be on a host such as ${suffixes.map((candidate) => `https://your-name${candidate}`).join(' or ')}`);
  }
  if (url.pathname !== '/') throw new AddressProblem('has something after the host; leave it out, since the routes are added there');
}

function requirePort({ port }: URL): void {
  if (port !== '' && Number(port) < LOWEST_PORT) throw new AddressProblem(`has a port that is not for https; it may be 443, or ${LOWEST_PORT} and above`);
}
