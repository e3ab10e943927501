import type { Log } from '../ports/log.ts';

/**
 * An error that nobody caught leaves the process in a state that nobody thought of: it is logged, and the process ends with 1.
 * What was acknowledged is on disk by then; what was under way is finished by the next start.
 */
export function endOnUnexpected(log: Log): void {
  process.on('uncaughtException', (error, origin) => {
    log.error('unexpected_error', origin === 'unhandledRejection' ? 'A promise failed and nobody was waiting; ending.' : 'An error was caught by nobody; ending.', { error });
    process.exit(1);
  });
}
