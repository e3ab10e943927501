import { SecretValue } from '../ports/secret-value.ts';
import { InvalidValue } from './invalid-value.ts';
import { trueOrFalse } from './parsers.ts';
import type { Setting } from './settings.ts';

const redisUrl: Setting<SecretValue | null> = {
  name: 'REDIS_URL',
  secret: true,
  description: [
    'Redis, where replicas tell one another what changed and share a sealed cache of values: rediss://user:password@host:port. Without TLS (redis://) on this machine',
    'only. A private CA is named by NODE_EXTRA_CA_CERTS. While Redis is away, Keyhold serves as before.',
  ],
  example: 'rediss://keyhold:<password>@redis.example.com:6379',
  fallback: null,
  fallbackText: '',
  parse: redisAddress,
};

const sharedCache: Setting<boolean> = {
  name: 'KEYHOLD_SHARED_CACHE',
  secret: false,
  description: ['false keeps values out of Redis. Otherwise they lie there sealed, so that a replica that starts while a vault is away can serve (R3.10).'],
  example: 'false',
  fallback: true,
  fallbackText: '<true where there is a Redis>',
  parse: trueOrFalse,
};

/** R0.5. */
export const redisSettings = { redisUrl, sharedCache } as const;

/** Nothing of it is quoted, since it may hold a password. */
function redisAddress(text: string): SecretValue {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'redis:' && url.protocol !== 'rediss:') || url.hostname === '') throw new InvalidValue('is not an address that begins with rediss:// or redis:// and names a host');
  if (url.search !== '' || url.hash !== '') throw new InvalidValue('has a query or a fragment (? or #), which are not supported; characters of a password are percent-encoded');
  if (!/^\/?\d{0,5}$/u.test(url.pathname)) throw new InvalidValue('has a path that is no number of a database, such as /0');
  if (!isDecodable(url.username) || !isDecodable(url.password)) throw new InvalidValue('has a % in user or password that begins no percent-encoding; a % itself is written %25');
  return new SecretValue(text);
}

function isDecodable(text: string): boolean {
  try {
    return decodeURIComponent(text) !== '' || text === '';
  } catch {
    return false;
  }
}
