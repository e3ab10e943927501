import type { SqlRow, SqlValue } from '../sql/executor.ts';

/** What the worker is started with. */
export interface WorkerOptions {
  readonly file: string;
  /** For the rows of `schema`, milliseconds since the epoch. */
  readonly now: number;
}

export interface Statement {
  readonly id: number;
  /** `wipe` has a statement of its own, and runs after everything else that came with it. */
  readonly access: 'read' | 'write' | 'wipe';
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

/** To the worker: statements to run, or `close` after everything that was sent before. */
export type Order = readonly Statement[] | 'close';

/** What SQLite or the system said, as it crosses from thread to thread. */
export interface Failure {
  readonly message: string;
  /** SQLite's extended result code; 0 when it was not SQLite. */
  readonly errcode: number;
  /** The system's code (`EACCES`), when the system said it. */
  readonly syscode: string | null;
}

export type Answer = { readonly id: number; readonly rows: readonly SqlRow[] } | { readonly id: number; readonly failure: Failure };

/** From the worker; `opened` or `refused` comes first and once. */
export type Report =
  | { readonly kind: 'opened' }
  | { readonly kind: 'refused'; readonly reason: 'newer'; readonly found: number; readonly known: number }
  | { readonly kind: 'refused'; readonly reason: 'foreign' }
  | { readonly kind: 'refused'; readonly reason: 'failed'; readonly failure: Failure }
  | { readonly kind: 'answers'; readonly answers: readonly Answer[] };
