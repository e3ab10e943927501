import type { Log } from '../ports/log.ts';
import { Repeated } from './repeated.ts';

const EVERY_MS = 5_000;

export interface AdoptPlacesDependencies {
  /** Places of processes that have left something there and may be dead. */
  readonly left: () => readonly number[];
  /** Takes over what was left there; false while somebody has the place. Safe to repeat, whatever it was killed in. */
  readonly adopt: (place: number) => Promise<boolean>;
  readonly log: Log;
}

/** Looks every few seconds whether processes that share the data folder have left something to take over. */
export function adoptPlacesJob({ left, adopt, log }: AdoptPlacesDependencies): Repeated {
  /** Said once of each place. */
  const failed = new Set<number>();
  const tryToAdopt = async (place: number): Promise<void> => {
    try {
      if (!(await adopt(place))) return;
      failed.delete(place);
      log.info('process_taken_over', 'What a process that is gone had left in the data folder, its usage above all, has been taken over', { count: place });
    } catch (error) {
      if (!failed.has(place)) log.warn('process_not_taken_over', 'What a process that is gone has left in the data folder cannot be taken over yet. It is tried again every few seconds; nothing is lost', { count: place, error });
      failed.add(place);
    }
  };
  return new Repeated({
    everyMs: EVERY_MS,
    work: async () => {
      for (const place of left()) await tryToAdopt(place);
    },
  });
}
