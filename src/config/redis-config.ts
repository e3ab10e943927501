import type { SecretValue } from '../ports/secret-value.ts';
import type { Reader } from './reader.ts';
import { isLoopback } from './loopback.ts';
import { settings } from './settings.ts';

export interface RedisConfig {
  /** With user and password. */
  readonly url: SecretValue;
  /** For logs and errors: without them. */
  readonly address: string;
  /** Sealed values may lie there (R3.10). */
  readonly isSharedCache: boolean;
}

/** The Redis that is switched on; off this machine TLS and a password are demanded in production (R0.5, S19), which the reader then knows. */
export function redisConfig(reader: Reader, mode: 'production' | 'development'): RedisConfig | null {
  const url = reader.read(settings.redisUrl);
  const isSharedCache = reader.read(settings.sharedCache);
  if (url === null) return null;
  const { protocol, hostname, host, password } = new URL(url.reveal());
  if (mode === 'production' && !isLoopback(hostname)) {
    if (protocol === 'redis:') reader.problems.push('REDIS_URL is redis:// outside this machine, so what replicas say to one another and the password would travel unencrypted. Use rediss://.');
    if (password === '') reader.problems.push('REDIS_URL has no password, and Redis is outside this machine: whoever reaches it could read along. Set one there (requirepass, or a user), and write it as rediss://user:password@host:port.');
  }
  return Object.freeze({ url, address: host, isSharedCache });
}
