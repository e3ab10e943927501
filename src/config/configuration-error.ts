import { StartError } from '../ports/start-error.ts';

/** Every problem at once, for the person who started it (exit status 2). */
export function configurationError(problems: readonly string[]): StartError {
  const count = problems.length === 1 ? 'There is a problem' : `There are ${problems.length} problems`;
  return new StartError(2, [`${count} with the configuration (from the environment and ./.env):`, ...problems.map((problem) => `  ${problem}`)].join('\n'));
}
