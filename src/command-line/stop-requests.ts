/** What of a process matters for stopping it; `process` itself fits. */
export interface StoppableProcess {
  on(event: string, listener: () => void): unknown;
  readonly connected: boolean;
  /** There when the launcher keeps a channel open. */
  readonly send?: unknown;
}

export interface StopRequests {
  /** Resolves with why: the signal's name, or `launcher` when the launcher died. */
  readonly first: Promise<string>;
  /** Asked once more, a while after the first: somebody does not want to wait. */
  readonly second: Promise<string>;
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Ctrl-C reaches the process from the terminal and again from its launcher: within this time they are one request. */
const SAME_REQUEST_MS = 1_000;

/**
 * Listens for what asks the process to stop: SIGTERM, Ctrl-C, a closed terminal, and the death of the launcher, which nothing else
 * would tell (R0.1: `kill -9` on the launcher must not leave Keyhold behind with port and lock). Where SIGHUP is to mean something else, `hungUp` is called.
 */
export function stopRequests(target: StoppableProcess, monotonic: () => number, hungUp?: () => void): StopRequests {
  const first = Promise.withResolvers<string>();
  const second = Promise.withResolvers<string>();
  let firstAt: number | undefined;
  const request = (reason: string): void => {
    if (firstAt === undefined) {
      firstAt = monotonic();
      first.resolve(reason);
    } else if (reason !== 'launcher' && monotonic() - firstAt >= SAME_REQUEST_MS) {
      second.resolve(reason);
    }
  };
  for (const signal of SIGNALS) target.on(signal, () => (signal === 'SIGHUP' && hungUp !== undefined ? hungUp() : request(signal)));
  target.on('disconnect', () => request('launcher'));
  if (target.send !== undefined && !target.connected) request('launcher');
  return { first: first.promise, second: second.promise };
}
