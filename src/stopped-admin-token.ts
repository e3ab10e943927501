import { randomBytes } from 'node:crypto';
import { systemClock } from './adapters/clock/system-clock.ts';
import type { Config } from './config/config.ts';
import { type FirstTokenOutlet, makeAdminToken } from './core/access/first-start.ts';
import type { Log } from './ports/log.ts';
import { onStoppedAccess } from './stopped-access.ts';

/**
 * Makes a new administrator's token on the data folder of a stopped Keyhold, audited (S28); its text goes to `outlet`. Other replicas take it at once. Gives its id. Throws `StartError`:
 * 4 where there is no Keyhold yet, 5 while one is running.
 */
export async function makeAdminTokenOffline(config: Config, log: Log, outlet: FirstTokenOutlet): Promise<string> {
  return onStoppedAccess(config, log, 'may-run', ({ metadata, access }) => makeAdminToken({ tokens: metadata.tokens, access, clock: systemClock, random: randomBytes, outlet }));
}
