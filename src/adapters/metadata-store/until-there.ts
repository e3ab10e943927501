import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';

/** Beside a database that starts at the same time: a start waits so long for it. */
const WAIT_MS = 30_000;
const BETWEEN_MS = 500;

export interface UntilThereOptions {
  /** For the log. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Log;
  /** 30 s when left out. */
  readonly waitMs?: number | undefined;
  /** Whether what went wrong may be otherwise in a moment. */
  readonly mayPass: (error: unknown) => boolean;
}

/** Does something at a database as soon as it is there. Throws what the last attempt threw. */
export async function untilThere<T>({ name, clock, log, waitMs = WAIT_MS, mayPass }: UntilThereOptions, attempt: () => Promise<T>): Promise<T> {
  const began = clock.monotonic();
  for (let told = false; ; ) {
    try {
      return await attempt();
    } catch (error) {
      if (!mayPass(error) || clock.monotonic() - began >= waitMs) throw error;
      if (!told) log.warn('database_waiting', `${name} cannot be reached yet; the start waits for it`, { error });
      told = true;
      await sleep(BETWEEN_MS);
    }
  }
}
