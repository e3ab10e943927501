import { isIP } from 'node:net';
import type { Proxy } from '../egress/proxies.ts';
import { SecretValue } from '../ports/secret-value.ts';
import { allowedHost } from './egress-settings.ts';
import { InvalidValue, quoted } from './invalid-value.ts';
import type { Setting } from './settings.ts';

const EXAMPLE = 'http://proxy.example.com:3128';

function proxySetting(name: string, description: readonly string[]): Setting<Proxy | null> {
  return { name, secret: true, description, example: EXAMPLE, fallback: null, fallbackText: '', parse: proxyAddress };
}

const httpsProxy = proxySetting('HTTPS_PROXY', [
  'A proxy through which https addresses are reached, with user and password where it wants them; the proxy\'s own address is http or https. https_proxy is read,',
  'too, where this one is not set, as are the others here in lower case (docs/egress.md).',
]);

const httpProxy = proxySetting('HTTP_PROXY', ['The same for http addresses.']);

const allProxy = proxySetting('ALL_PROXY', ['The same for those of the two that are not set.']);

const noProxy: Setting<readonly string[]> = {
  name: 'NO_PROXY',
  secret: false,
  description: ['What is reached directly all the same, separated by commas: names (with those below them), .names (those below alone), addresses and networks, each with a port', 'perhaps; * for all. This machine always is.'],
  example: '.internal.example.com,10.0.0.0/8,vault:8200',
  fallback: Object.freeze([]),
  fallbackText: '',
  parse: (text) => Object.freeze(text.toLowerCase().split(/[,\s]+/u).filter((entry) => entry !== '').map(directEntry)),
};

const proxyAllowHosts: Setting<readonly string[]> = {
  name: 'KEYHOLD_PROXY_ALLOW_HOSTS',
  secret: false,
  description: [
    'With a proxy, which looks names up where Keyhold cannot see which address it takes: the hosts that may be reached through it although tenants or identity providers',
    'name them, separated by commas and whole. The catalogue\'s own (api.openai.com …) and what you name in other settings need no entry.',
  ],
  example: 'models.acme.example,login.example.com',
  fallback: Object.freeze([]),
  fallbackText: '',
  parse: (text) => Object.freeze(text.split(',').map((host) => allowedHost(host.trim().toLowerCase()))),
};

/** The way out where that is a proxy. */
export const proxySettings = { httpsProxy, httpProxy, allProxy, noProxy, proxyAllowHosts } as const;

/** Never quotes what it was given: there may be a password in it. */
function proxyAddress(text: string): Proxy {
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//iu.test(text) ? text : `http://${text}`);
  if (url === null || url.hostname === '') throw new InvalidValue('is no address of a proxy');
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new InvalidValue('names a proxy of another kind than http and https; SOCKS is not spoken');
  if ((url.pathname !== '/' && url.pathname !== '') || url.search !== '' || url.hash !== '') throw new InvalidValue('has something behind host and port, where nothing belongs; write / ? # in a password as %2F %3F %23');
  const secure = url.protocol === 'https:';
  return Object.freeze({
    host: url.hostname.replace(/^\[(.*)\]$/u, '$1'),
    port: Number(url.port === '' ? (secure ? 443 : 80) : url.port),
    secure,
    authorization: url.username === '' && url.password === '' ? null : new SecretValue(`Basic ${Buffer.from(`${decoded(url.username)}:${decoded(url.password)}`).toString('base64')}`),
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new InvalidValue('has a % in user or password that begins no %XX; write it as %25');
  }
}

function directEntry(entry: string): string {
  const [, name = ''] = /^(.+?)(?::\d{1,5})?$/u.exec(entry) ?? [];
  const bare = name.replace(/^\[(.*)\]$/u, '$1');
  const [network = '', prefix, ...rest] = bare.split('/');
  const version = isIP(network);
  const mostBits = version === 4 ? 32 : 128;
  const isNetwork = version !== 0 && rest.length === 0 && (prefix === undefined || (/^\d{1,3}$/u.test(prefix) && Number(prefix) <= mostBits));
  if (entry === '*' || isIP(entry) === 6 || isNetwork || /^(?:\*?\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/u.test(bare)) return entry;
  throw new InvalidValue(`has ${quoted(entry)}, which is neither a host's name, an address nor a network`);
}
