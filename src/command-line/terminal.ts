import { once } from 'node:events';

/** The outside of a command: where its answer and its complaints go. */
export interface Terminal {
  /** For the answer. */
  out(text: string): void;
  /** For what went wrong. */
  error(text: string): void;
  /** Resolves when what went out has left far enough for more. */
  drained?(): Promise<void>;
  /** A person reads `out`, and nobody else: secrets may be shown there (S28). */
  readonly isTerminal: boolean;
}

/** This process's own. `exit` ends it as soon as what was said has left. A reader that is gone (`| head`) is no error. */
export function processTerminal(): Terminal & { exit(code: number): void } {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  return {
    out: (text) => void process.stdout.write(text),
    error: (text) => void process.stderr.write(text),
    drained: async () => {
      // A reader that is gone takes nothing more, and what is written then goes nowhere.
      if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain').catch(() => {});
    },
    isTerminal: process.stdout.isTTY,
    exit: (code) => {
      process.exitCode = code;
      process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
    },
  };
}
