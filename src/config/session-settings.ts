import { InvalidValue, quoted } from './invalid-value.ts';
import { isLoopback } from './loopback.ts';
import { time } from './parsers.ts';
import type { Setting } from './settings.ts';

const SHORTEST_MS = 60_000;
const LONGEST_MS = 30 * 24 * 3_600_000;
const HOST = /^(?!-)[\da-z-]{1,63}(?:\.(?!-)[\da-z-]{1,63})*$/u;

const publicUrl: Setting<string | null> = {
  name: 'KEYHOLD_PUBLIC_URL',
  secret: false,
  description: [
    'What browsers and API clients call Keyhold: https, a host, perhaps a port, and nothing behind it. Changes through a session of the browser are taken from pages',
    'of this address alone. Left out, Keyhold is known by this machine\'s own names and by IP addresses (docs/sign-in.md).',
  ],
  example: 'https://keyhold.example.com',
  fallback: null,
  fallbackText: '',
  parse: origin,
};

const knownHosts: Setting<readonly string[]> = {
  name: 'KEYHOLD_KNOWN_HOSTS',
  secret: false,
  description: ['Other names, separated by commas, by which API clients may call Keyhold: a service\'s name inside a cluster, say. Requests to unknown names are answered with 421;', 'the gateway and the probes answer to every name.'],
  example: 'keyhold,keyhold.default.svc',
  fallback: Object.freeze([]),
  fallbackText: '',
  parse: (text) => Object.freeze(text.split(',').map((host) => hostName(host.trim().toLowerCase()))),
};

const sessionLifetime: Setting<number> = {
  name: 'KEYHOLD_SESSION_LIFETIME',
  secret: false,
  description: ['How long somebody stays signed in in a browser: 12h, 45m; 1m to 720h.'],
  example: '12h',
  fallback: 12 * 3_600_000,
  fallbackText: '12h',
  parse: sessionTime,
};

const sessionIdle: Setting<number> = {
  name: 'KEYHOLD_SESSION_IDLE',
  secret: false,
  description: ['How long when nothing is done there: 1h, 15m; 1m to 720h.'],
  example: '1h',
  fallback: 3_600_000,
  fallbackText: '1h',
  parse: sessionTime,
};

/** S24. */
export const sessionSettings = { publicUrl, knownHosts, sessionLifetime, sessionIdle } as const;

function origin(text: string): string {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:') || (text !== url.origin && text !== `${url.origin}/`)) throw new InvalidValue(`is ${quoted(text)}, but must be like https://keyhold.example.com, in small letters, with nothing behind the host but perhaps a port`);
  if (url.protocol !== 'https:' && !isLoopback(url.hostname)) throw new InvalidValue(`is ${quoted(text)}, which is not https; http is for this machine alone`);
  return url.origin;
}

function hostName(text: string): string {
  if (!HOST.test(text)) throw new InvalidValue(`has ${quoted(text)}, which is no host's name; it takes no ports, paths and wildcards, and IP addresses are known anyway`);
  return text;
}

function sessionTime(text: string): number {
  const milliseconds = time(text, '12h or 45m');
  if (milliseconds < SHORTEST_MS || milliseconds > LONGEST_MS) throw new InvalidValue(`is ${quoted(text)}, but may be from a minute (1m) to 30 days (720h)`);
  return milliseconds;
}
