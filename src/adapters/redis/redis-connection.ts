import type { RedisClientType } from '@redis/client';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RandomBytes } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { SecretValue } from '../../ports/secret-value.ts';
import { backoffMs } from '../../core/outages/backoff.ts';
import { whyNoRedis } from './why-no-redis.ts';

/** How long a start waits for Redis. */
const START_MS = 3_000;
/** A connection on which nothing comes for so long, with a heartbeat each second, is dead. */
const DEAD_MS = 10_000;
const RETRIES = { firstMs: 100, factor: 2, mostMs: 3_000 };
/** Commands that wait for an answer at once; beyond that they fail at once, since Redis stands still. */
const MAX_WAITING = 10_000;

export interface RedisOptions {
  readonly url: SecretValue;
  /** For logs, without user and password. */
  readonly address: string;
  readonly log: Log;
  readonly random: RandomBytes;
}

/** A Redis that comes and goes: connections to it come back by themselves. */
export interface RedisConnection {
  /** For commands; they fail at once while there is no connection. */
  readonly commands: RedisClientType;
  /** Another connection, for what a connection can do only alone; whoever asks for it connects and destroys it. */
  another(): RedisClientType;
  close(): void;
}

/**
 * Connects, for three seconds at most: Redis is never needed for a start, and what is wrong is said. Afterwards it is tried for ever, with pauses that grow to
 * three seconds.
 */
export async function openRedis({ url, address, log, random }: RedisOptions): Promise<RedisConnection> {
  const { createClient } = await import('@redis/client');
  const commands: RedisClientType = createClient({
    url: url.reveal(),
    disableOfflineQueue: true,
    commandsQueueMaxLength: MAX_WAITING,
    pingInterval: 1_000,
    socket: { connectTimeout: 5_000, socketTimeout: DEAD_MS, reconnectStrategy: (failures) => backoffMs(failures + 1, RETRIES, random) },
  });
  let wasConnected = false;
  const ready = new Promise<void>((resolve) => {
    commands.on('ready', () => {
      if (!wasConnected) log.info('redis_connected', 'Redis connected successfully', { address });
      wasConnected = true;
      resolve();
    });
  });
  let said: string | undefined;
  const say = (why: string, error?: unknown): void => {
    if (!wasConnected && why !== said) log.warn('redis_unavailable', `${why} Keyhold starts without it, and keeps trying: changes are heard of late between replicas`, { address, error });
    said = why;
  };
  const failed = new Promise<void>((resolve) => {
    commands.on('error', (error: unknown) => {
      say(whyNoRedis(error, address), error);
      resolve();
    });
  });
  // Never ends while it fails; what it fails with is told above.
  commands.connect().catch(() => undefined);
  await Promise.race([ready, failed, sleep(START_MS, undefined, { ref: false })]);
  if (!wasConnected && said === undefined) say(`Redis at ${address} does not answer within ${START_MS / 1_000} s, or not with TLS where REDIS_URL says rediss://, or without where it says redis://.`);
  return {
    commands,
    another: () => commands.duplicate(),
    close: () => {
      if (commands.isOpen) commands.destroy();
    },
  };
}
