import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Log } from '../../ports/log.ts';
import { StartError } from '../../ports/start-error.ts';

/** What is said of some files that belong together. */
interface WatchedFilesTexts<T> {
  /** The log events' names begin with it: `tls_files` makes `tls_files_reloaded` and `tls_files_unusable`. */
  readonly event: string;
  /** Whole sentences, without the full stop. */
  readonly reloaded: (value: T) => string;
  readonly unusable: (reason: string) => string;
  /** Why a start is refused: a whole text. */
  readonly refusedStart: (reason: string) => string;
}

export interface WatchedFilesOptions<T> {
  /** Absolute paths, read anew by name each time: so a link that is moved on to another folder is followed, as Kubernetes replaces what it mounts. */
  readonly files: readonly [string, ...string[]];
  /** What the files' texts, in their order, amount to. Throws an Error whose message says why they cannot be used, and nothing of what they hold. */
  readonly read: (texts: readonly string[]) => T;
  readonly texts: WatchedFilesTexts<T>;
  readonly log: Log;
  readonly everyMs?: number | undefined;
}

/** How often the files are looked at. Watching would need what the system tells of links and mounts, and it tells different things. */
const EVERY_MS = 10_000;

/** What some files say that belong together, and that others replace at any time. While what is found cannot be used, what was there before stays. */
export class WatchedFiles<T> {
  readonly #options: WatchedFilesOptions<T>;
  readonly #timer: NodeJS.Timeout;
  readonly #listeners: ((value: T) => void)[] = [];
  #texts: readonly string[];
  #current: T;
  /** What was found last, and could not be used; told when it is found a second time, since two files are not replaced in one moment. */
  #broken: readonly string[] | undefined;
  #told = false;
  #looking = false;

  /** Throws `StartError` (2) when the files cannot be read or used. */
  constructor(options: WatchedFilesOptions<T>) {
    this.#options = options;
    const { files, read, texts } = options;
    try {
      this.#texts = files.map((file) => readFileSync(file, 'utf8'));
      this.#current = read(this.#texts);
    } catch (cause) {
      throw new StartError(2, texts.refusedStart(reasonOf(cause)), { cause });
    }
    this.#timer = setInterval(() => void this.#look(), options.everyMs ?? EVERY_MS).unref();
  }

  get current(): T {
    return this.#current;
  }

  /** Called with what holds from now on, whenever that changes. */
  onChange(listener: (value: T) => void): void {
    this.#listeners.push(listener);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const { files, read, texts, log } = this.#options;
    let found: readonly string[] = [];
    try {
      found = await Promise.all(files.map((file) => readFile(file, 'utf8')));
      if (isSame(found, this.#texts)) this.#broken = undefined;
      else this.#use(found, read(found));
    } catch (error) {
      if (this.#broken === undefined || !isSame(this.#broken, found)) this.#told = false;
      else if (!this.#told) {
        this.#told = true;
        log.error(`${texts.event}_unusable`, texts.unusable(reasonOf(error)), { file: files[0] });
      }
      this.#broken = found;
    } finally {
      this.#looking = false;
    }
  }

  #use(found: readonly string[], value: T): void {
    this.#texts = found;
    this.#current = value;
    this.#broken = undefined;
    const { files, texts, log } = this.#options;
    log.info(`${texts.event}_reloaded`, texts.reloaded(value), { file: files[0] });
    for (const listener of this.#listeners) listener(value);
  }
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((text, index) => text === others[index]);
}

/** Never what a file holds. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return 'code' in error && (error.code === 'ENOENT' || error.code === 'EACCES' || error.code === 'EISDIR') ? error.message : error.message.split('\n', 1).join('');
}
