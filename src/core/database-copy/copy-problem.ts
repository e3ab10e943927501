import { KeyholdError } from '../../ports/errors.ts';
import { isDiskFull, StartError } from '../../ports/start-error.ts';

/** What a copy that a database's error has ended says to whoever runs it. Anything else, and a full disk, stays as it is. */
export function copyProblem(error: unknown): unknown {
  if (!(error instanceof KeyholdError) || isDiskFull(error)) return error;
  const { code, publicMessage, cause } = error;
  const why = cause instanceof Error ? ` (${cause.message})` : '';
  switch (code) {
    case 'unavailable':
      return new StartError(1, `One of the databases did not answer${why}, so not everything is copied yet. Run the same command again: it goes on where it was.`, { cause: error });
    case 'already_exists':
    case 'conflict':
      return new StartError(1, 'There is another copy under way into the same database, and this one has ended. Wait for the other one; if it fails, run the same command again.', { cause: error });
    default:
      return new StartError(1, `Not everything could be copied: ${publicMessage}`, { cause: error });
  }
}
