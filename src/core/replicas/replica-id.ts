import type { RandomBytes } from '../../ports/clock.ts';

/**
 * A name for one run of one process, 16 hexadecimal digits, new at each start: what a process before held, under whatever host name or process
 * id, is never taken for this one's. Leases, audit rows and usage journals go by it.
 */
export function newReplicaId(random: RandomBytes): string {
  return random(8).toString('hex');
}
