import type { Sessions } from '../core/access/sessions.ts';
import type { LeasedJob } from './leased-job.ts';

const EVERY_MS = 3_600_000;

/** Sessions whose time is over are removed from the database. */
export function removeSessionsJob(sessions: Pick<Sessions, 'removeExpired'>): LeasedJob {
  return {
    name: 'remove-sessions',
    description: 'Removes sessions of browsers from the database an hour after their time was over.',
    everyMs: EVERY_MS,
    failure: { event: 'session_removal_failed', message: 'Sessions whose time is over could not be removed. They sign nobody in; it is tried again in an hour' },
    run: async (mayGoOn) => ({ removed: await sessions.removeExpired(mayGoOn) }),
  };
}
