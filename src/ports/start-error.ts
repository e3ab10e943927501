/** Exit codes of the command line (R0.1) that an error at the start can have. */
export type StartExitCode = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** Why Keyhold cannot start, for the person who started it: the message says what is wrong and what to do, the code becomes the exit status. */
export class StartError extends Error {
  /** 2 configuration, 3 port, 4 folder, 5 folder in use, 6 key file or root mismatch, 7 newer database, 8 disk full, 1 other. */
  readonly exitCode: StartExitCode;

  constructor(exitCode: StartExitCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'StartError';
    this.exitCode = exitCode;
  }
}

/** How deep a chain of causes is followed; longer ones are loops. */
const MAX_CAUSES = 16;

/**
 * Whether this error, or one that caused it, says that the disk (or a quota on it) is full. Adapters whose libraries have codes of
 * their own for that give their cause the system's code `ENOSPC`.
 */
export function isDiskFull(error: unknown): boolean {
  let current = error;
  for (let depth = 0; depth < MAX_CAUSES && typeof current === 'object' && current !== null; depth += 1) {
    if (current instanceof StartError && current.exitCode === 8) return true;
    if ('code' in current && (current.code === 'ENOSPC' || current.code === 'EDQUOT')) return true;
    current = 'cause' in current ? current.cause : undefined;
  }
  return false;
}
