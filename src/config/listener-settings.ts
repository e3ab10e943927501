import { isNetwork } from '../core/access/networks.ts';
import { InvalidValue, quoted } from './invalid-value.ts';
import { oneOf, path } from './parsers.ts';
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

const tlsCertFile: Setting<string | null> = {
  name: 'KEYHOLD_TLS_CERT_FILE',
  secret: false,
  description: [
    'A PEM file with the certificate that Keyhold shows, and those between it and its CA; with it the listener takes https alone. Read again every 10 s, so that',
    'whoever renews it just replaces it (docs/transport.md). Left out: plain http, for a proxy in front.',
  ],
  example: '/etc/keyhold/tls.crt',
  fallback: null,
  fallbackText: '',
  parse: path,
};

const tlsKeyFile: Setting<string | null> = {
  name: 'KEYHOLD_TLS_KEY_FILE',
  secret: false,
  description: ['The PEM file of its key, without a passphrase.'],
  example: '/etc/keyhold/tls.key',
  fallback: null,
  fallbackText: '',
  parse: path,
};

const tlsClientCaFile: Setting<string | null> = {
  name: 'KEYHOLD_TLS_CLIENT_CA_FILE',
  secret: false,
  description: [
    'A PEM file with the CAs whose client certificates are trusted (mutual TLS): with it clients are asked for one. Not a public CA\'s. Read again every 10 s,',
    'as the two files below; connections of who is not trusted any more are ended (docs/transport.md).',
  ],
  example: '/etc/keyhold/client-ca.crt',
  fallback: null,
  fallbackText: '',
  parse: path,
};

const tlsClientCrlFile: Setting<string | null> = {
  name: 'KEYHOLD_TLS_CLIENT_CRL_FILE',
  secret: false,
  description: ['A PEM file with a revocation list of each of these CAs. Where one is missing or has ended, none of its CA\'s certificates gets in.'],
  example: '/etc/keyhold/client-ca.crl',
  fallback: null,
  fallbackText: '',
  parse: path,
};

const tlsClientCertificates: Setting<'required' | 'optional'> = {
  name: 'KEYHOLD_TLS_CLIENT_CERTIFICATES',
  secret: false,
  description: ['required: nobody gets in without a certificate, probes and keyhold\'s own commands included. optional: who shows one that is not trusted does not.'],
  example: 'optional',
  fallback: 'required',
  fallbackText: 'required',
  parse: oneOf('required', 'optional'),
};

const tlsClientRolesFile: Setting<string | null> = {
  name: 'KEYHOLD_TLS_CLIENT_ROLES_FILE',
  secret: false,
  description: ['A JSON file that says which client certificate signs in as whom, without a token (docs/transport.md). Left out: certificates let in, and tokens sign in.'],
  example: '/etc/keyhold/client-roles.json',
  fallback: null,
  fallbackText: '',
  parse: path,
};

/** Who is listened to, and how. */
export const listenerSettings = { tlsCertFile, tlsKeyFile, tlsClientCaFile, tlsClientCrlFile, tlsClientCertificates, tlsClientRolesFile, trustedProxies } as const;

function trustedNetwork(text: string): string {
  if (!isNetwork(text)) throw new InvalidValue(`has ${quoted(text)}, which is neither a network such as 10.0.0.0/8 nor an IP address`);
  if (text.endsWith('/0')) throw new InvalidValue(`has ${quoted(text)}, which is every address: then anybody could say where a request comes from`);
  return text;
}
