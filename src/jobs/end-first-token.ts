import type { FirstTokenEnd } from '../core/access/first-token-end.ts';
import type { Log } from '../ports/log.ts';

const EVERY_MS = 60_000;

/** Looks every minute whether the first token's 24 hours are over, and removes its file then (S28). Stops looking when that is done. */
export class EndFirstToken {
  readonly #firstToken: Pick<FirstTokenEnd, 'tidyUp'>;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor({ firstToken, log }: { readonly firstToken: Pick<FirstTokenEnd, 'tidyUp'>; readonly log: Log }) {
    this.#firstToken = firstToken;
    this.#log = log;
  }

  start(): void {
    this.#timer ??= setInterval(() => {
      this.#running = this.#running.then(() => this.#look());
    }, EVERY_MS).unref();
    this.#running = this.#running.then(() => this.#look());
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#running;
  }

  async #look(): Promise<void> {
    try {
      if (await this.#firstToken.tidyUp()) clearInterval(this.#timer);
    } catch (error) {
      this.#log.warn('first_token_file_not_removed', 'It could not be found out whether the file of the first administrator token can go. It is tried again in a minute', { error });
    }
  }
}
