import type { AuditJournal, AuditRowDraft } from '../../ports/audit-journal.ts';
import type { Log } from '../../ports/log.ts';

/** The rows that stand in the emergency journal and not yet in the log (S29). */
export class EmergencyRows {
  readonly #journal: AuditJournal;
  readonly #log: Log;
  readonly #kept = new Set<string>();
  readonly #placed = new Set<string>();
  #underWay = 0;

  constructor(journal: AuditJournal, log: Log) {
    this.#journal = journal;
    this.#log = log;
  }

  /** What the process before has left. Whatever of it is not in the log yet has to be placed. */
  get left(): readonly AuditRowDraft[] {
    return this.#journal.left;
  }

  has(id: string): boolean {
    return this.#kept.has(id);
  }

  /** Rows of the process before that are still to be placed. */
  owed(drafts: readonly AuditRowDraft[]): void {
    for (const { id } of drafts) this.#kept.add(id);
    this.#clearWhenDone();
  }

  /** Durable when resolved; rejects when it could not be kept. */
  async keep(draft: AuditRowDraft): Promise<void> {
    this.#underWay += 1;
    try {
      await this.#journal.append(draft);
      // The log may have been quicker.
      if (!this.#placed.delete(draft.id)) this.#kept.add(draft.id);
    } finally {
      this.#underWay -= 1;
      this.#clearWhenDone();
    }
    this.#log.warn('audit_row_journaled', 'The audit log cannot be written; the row is in the emergency journal and will be placed when it can', { action: draft.action });
  }

  /** These stand in the log now. */
  placed(drafts: readonly AuditRowDraft[]): void {
    let any = false;
    for (const { id } of drafts) {
      any = this.#kept.delete(id) || any;
      if (this.#underWay > 0) this.#placed.add(id);
    }
    if (any) this.#clearWhenDone();
  }

  #clearWhenDone(): void {
    if (this.#underWay > 0) return;
    this.#placed.clear();
    if (this.#kept.size > 0) return;
    this.#journal.clear().catch((error: unknown) => {
      this.#log.warn('audit_journal_not_cleared', 'The emergency journal could not be cleared; its rows stand in the log and are told apart at the next start', { error });
    });
  }
}
