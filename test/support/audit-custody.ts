import type { AuditKeyStore, HeadStore } from '../../src/ports/audit-custody.ts';
import type { AuditJournal, AuditRowDraft } from '../../src/ports/audit-journal.ts';
import { KeyholdError } from '../../src/ports/errors.ts';
import type { SecretValue } from '../../src/ports/secret-value.ts';

/** A key store in memory that survives its process. */
export class MemoryKeyStore implements AuditKeyStore {
  readonly place = '/keys/audit';
  present: SecretValue | undefined;
  next: SecretValue | undefined;

  async read(): Promise<SecretValue | undefined> {
    return this.present;
  }

  async create(text: SecretValue): Promise<boolean> {
    if (this.present !== undefined) return false;
    this.present = text;
    return true;
  }

  async readNext(): Promise<SecretValue | undefined> {
    return this.next;
  }

  async putNext(text: SecretValue): Promise<void> {
    this.next = text;
  }

  async useNext(): Promise<void> {
    this.present = this.next;
    this.next = undefined;
  }

  async dropNext(): Promise<void> {
    this.next = undefined;
  }
}

export class MemoryHeads implements HeadStore {
  readonly place = '/data/audit-head';
  readonly kept: string[] = [];

  async last(): Promise<string | undefined> {
    return this.kept.at(-1);
  }

  async keep(note: string): Promise<void> {
    this.kept.push(note);
  }
}

/** An emergency journal in memory. `again` is what the next process finds. */
export class MemoryJournal implements AuditJournal {
  readonly left: readonly AuditRowDraft[];
  rows: AuditRowDraft[];
  broken = false;

  constructor(left: readonly AuditRowDraft[] = []) {
    this.left = left;
    this.rows = [...left];
  }

  async append(row: AuditRowDraft): Promise<void> {
    await Promise.resolve();
    if (this.broken) throw new KeyholdError('unavailable', 'the journal is full');
    this.rows.push(row);
  }

  async clear(): Promise<void> {
    this.rows = [];
  }

  async close(): Promise<void> {}

  again(): MemoryJournal {
    return new MemoryJournal([...this.rows]);
  }
}
