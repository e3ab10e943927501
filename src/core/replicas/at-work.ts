import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../ports/clock.ts';
import type { LeaseRecord, LeaseRepository } from '../../ports/metadata/leases.ts';

/** Every replica looks after this job's lease (jobs/reconcile.ts). */
const JOB = 'reconcile';
const LOOK_EVERY_MS = 250;
/** What a busy machine or database may add to the times of a lease. */
const GRACE_MS = 2_000;

/**
 * Whether a replica is at work on this database, whichever and wherever it is. One writes its lease at least each third of the term; where a dead one holds it, another takes it within a
 * term and a third, and one that was let go within a third. So a yes comes within seconds, and a no after that time has passed without a write: up to 42 s by the usual term, none where no
 * replica has ever been. `waiting` is told once, before it takes long, for how many milliseconds it may.
 */
export async function replicasAreAtWork(leases: LeaseRepository, clock: Pick<Clock, 'monotonic'>, waiting: (atMostMs: number) => void): Promise<boolean> {
  let seen = await leases.get({ name: JOB });
  if (seen === undefined) return false;
  let since = clock.monotonic();
  waiting(quietFor(seen.record));
  while (clock.monotonic() - since < quietFor(seen.record)) {
    await sleep(LOOK_EVERY_MS);
    const now = await leases.get({ name: JOB });
    if (now === undefined || now.revision === seen.revision) continue;
    if (now.record.holder !== null) return true;
    // It was let go just now, by a replica that stops; others may be there.
    [seen, since] = [now, clock.monotonic()];
  }
  return false;
}

/** For how long nobody writes the record, at most, while there is a replica. */
function quietFor({ holder, termMs }: LeaseRecord): number {
  return (holder === null ? termMs / 3 : termMs + termMs / 3) + GRACE_MS;
}
