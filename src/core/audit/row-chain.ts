import type { AuditRowDraft } from '../../ports/audit-journal.ts';
import type { RandomBytes } from '../../ports/clock.ts';
import type { AuditRow } from '../../ports/metadata/audit.ts';
import { noPreviousRow, rowHash } from './canonical-row.ts';

/**
 * One replica's chain of rows (S30): each names the one before by its hash and has the next number, so that a row that is taken
 * out or put in later shows. The chain moves only when rows have been placed: what was not placed is not in it.
 */
export class RowChain {
  readonly #replica: string;
  readonly #random: RandomBytes;
  #counter = 0;
  #previous = noPreviousRow;

  constructor(replica: string, random: RandomBytes) {
    this.#replica = replica;
    this.#random = random;
  }

  /** The drafts as the chain's next rows. */
  link(drafts: readonly AuditRowDraft[]): readonly AuditRow[] {
    let counter = this.#counter;
    let previous = this.#previous;
    return drafts.map((draft) => {
      counter += 1;
      const row: AuditRow = { ...draft, replica: this.#replica, counter, previous, nonce: this.#random(16).toString('hex') };
      previous = rowHash(row);
      return row;
    });
  }

  /** The rows, made by the last `link`, stand in the log. */
  placed(rows: readonly AuditRow[]): void {
    const last = rows.at(-1);
    if (last === undefined) return;
    this.#counter = last.counter;
    this.#previous = rowHash(last);
  }
}
