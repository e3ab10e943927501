import { writeSync } from 'node:fs';

/** Where finished lines go. */
export interface LogDestination {
  write(line: string): void;
  /** A person reads along. */
  readonly isTerminal: boolean;
  readonly colours: boolean;
}

/** Bytes that stay together in a pipe which several processes write to (`PIPE_BUF` of Linux; POSIX: https://pubs.opengroup.org/onlinepubs/9799919799/functions/write.html). */
export const LONGEST_SHARED_LINE = 4_096;

type Write = (bytes: Uint8Array) => number;

const LONGEST_WAIT_MS = 1_000;
const WAIT_STEP_MS = 5;

/**
 * Standard output, written synchronously, so that nothing is lost when the process ends. A reader that is gone, or a full disk behind
 * it, loses lines, never the process.
 */
export function standardOutput(): LogDestination {
  const lines = new WholeLines((bytes) => writeSync(1, bytes));
  const isTerminal = process.stdout.isTTY;
  return { write: (line) => lines.write(line), isTerminal, colours: isTerminal && process.stdout.hasColors() };
}

/** Writes whole lines: waits a bounded time for a slow reader, then drops the line; a line that was cut is ended before the next. */
export class WholeLines {
  readonly #write: Write;
  #cut = false;

  constructor(write: Write) {
    this.#write = write;
  }

  write(line: string): void {
    let rest: Uint8Array = Buffer.from(this.#cut ? `\n${line}` : line);
    const whole = rest.length;
    let waited = 0;
    while (rest.length > 0) {
      const written = this.#attempt(rest);
      if (written === 'gone' || (written === 'full' && waited >= LONGEST_WAIT_MS)) {
        this.#cut ||= rest.length < whole;
        return;
      }
      if (written === 'full') {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_STEP_MS);
        waited += WAIT_STEP_MS;
      } else {
        rest = rest.subarray(written);
      }
    }
    this.#cut = false;
  }

  #attempt(bytes: Uint8Array): number | 'full' | 'gone' {
    try {
      return this.#write(bytes);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code === 'EINTR') return 0;
      return code === 'EAGAIN' ? 'full' : 'gone';
    }
  }
}
