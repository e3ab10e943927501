import { join } from 'node:path';
import type { EndedJournal } from '../../ports/usage-journal.ts';
import type { Disk } from './disk.ts';
import { markName, parseMarkName } from './segment-name.ts';

const DAMAGED = Buffer.from('damaged\n');

/** The marks that dead journals have left: something is leased under their names. */
export class Marks {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #isWhole: Map<string, boolean>;

  constructor(disk: Disk, folder: string, names: readonly string[]) {
    this.#disk = disk;
    this.#folder = folder;
    const marked = names.flatMap((name) => parseMarkName(name) ?? []);
    this.#isWhole = new Map(marked.map((journal) => [journal, !disk.read(join(folder, markName(journal))).equals(DAMAGED)]));
  }

  /** Written down before anything of the journal is removed: who comes after us would not see it any more. */
  isDamaged(journal: string): void {
    if (this.#isWhole.get(journal) !== true) return;
    const file = this.#disk.create(join(this.#folder, markName(journal)));
    this.#disk.write(file, DAMAGED, 0);
    this.#disk.close(file);
    this.#isWhole.set(journal, false);
  }

  all(): readonly EndedJournal[] {
    return [...this.#isWhole].map(([journal, isWhole]) => ({ journal, isWhole }));
  }
}
