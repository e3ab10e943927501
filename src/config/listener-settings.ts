import { isNetwork } from '../core/access/networks.ts';
import { InvalidValue, quoted } from './invalid-value.ts';
import type { Setting } from './settings.ts';

const trustedProxies: Setting<readonly string[]> = {
  name: 'KEYHOLD_TRUSTED_PROXIES',
  secret: false,
  description: [
    'Networks (or addresses), separated by commas, of the proxies and load balancers in front of Keyhold. What they say in X-Forwarded-For is believed: by it unknown',
    'keys are limited and told in the audit log, and gateway keys are bound to networks. Nobody else\'s is, and no other header ever (docs/transport.md).',
  ],
  example: '10.0.0.0/8,2001:db8::/32',
  fallback: Object.freeze([]),
  fallbackText: '',
  parse: (text) => Object.freeze(text.split(',').map((network) => trustedNetwork(network.trim()))),
};

/** Who is listened to. */
export const listenerSettings = { trustedProxies } as const;

function trustedNetwork(text: string): string {
  if (!isNetwork(text)) throw new InvalidValue(`has ${quoted(text)}, which is neither a network such as 10.0.0.0/8 nor an IP address`);
  if (text.endsWith('/0')) throw new InvalidValue(`has ${quoted(text)}, which is every address: then anybody could say where a request comes from`);
  return text;
}
