import { isIP } from 'node:net';
import { InvalidValue, quoted } from './invalid-value.ts';
import type { Setting } from './settings.ts';

const HOST = /^(?!-)[\da-z-]{1,63}(?:\.(?!-)[\da-z-]{1,63})*$/u;

const egressAllowHosts: Setting<readonly string[]> = {
  name: 'KEYHOLD_EGRESS_ALLOW_HOSTS',
  secret: false,
  description: ['Hosts, separated by commas, that the catalogue (a provider) and tenants (a vault or a deployment of their own) name and that may be reached although', 'they are on this machine or in a private network. All others there are refused (docs/egress.md).'],
  example: 'vault.internal.example.com,10.1.2.3',
  fallback: [],
  fallbackText: '',
  parse: (text) => Object.freeze(text.split(',').map((host) => allowedHost(host.trim().toLowerCase()))),
};

/** Where requests may go that others than the operator name (S33). */
export const egressSettings = { egressAllowHosts } as const;

/** A host's name or an IP address, in lower case. Throws `InvalidValue`. */
export function allowedHost(host: string): string {
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  if (isIP(bare) !== 0 || HOST.test(bare)) return bare;
  throw new InvalidValue(`has ${quoted(host)}, which is neither a host's name nor an IP address; it takes no ports, paths and wildcards`);
}
