import { renameSync, writeFileSync } from 'node:fs';
import { debianProgram } from './debian-program.ts';

/** The wall clock of one process, which a test moves while it runs. What only grows (`performance.now()`, timers) goes on as it is. */
export class WallClock {
  readonly #library: string;
  readonly #file: string;

  /** `file` says how far it is off; Debian's libfaketime reads it once a second. */
  static async at(file: string): Promise<WallClock> {
    const { file: library } = await debianProgram({ program: 'libfaketime.so.1', file: 'usr/lib/*-linux-gnu/faketime/libfaketime.so.1', packages: ['libfaketime'], elsewhere: 'apt-get install libfaketime' });
    return new WallClock(library, file);
  }

  private constructor(library: string, file: string) {
    this.#library = library;
    this.#file = file;
    this.jump(0);
  }

  /** For the process's environment. */
  get env(): Readonly<Record<string, string>> {
    return { LD_PRELOAD: this.#library, FAKETIME_TIMESTAMP_FILE: this.#file, FAKETIME_DONT_FAKE_MONOTONIC: '1', FAKETIME_CACHE_DURATION: '1' };
  }

  /** So many hours before or after the true time from now on. */
  jump(hours: number): void {
    writeFileSync(`${this.#file}.next`, `${hours < 0 ? '' : '+'}${hours}h\n`);
    renameSync(`${this.#file}.next`, this.#file);
  }
}
