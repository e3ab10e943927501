import type { RandomBytes } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import { backoffMs } from '../../core/outages/backoff.ts';

const CHECKS = { firstMs: 500, factor: 2, mostMs: 10_000 };

export interface ConnectionWatchOptions {
  /** What its events begin with, and what it is called in their messages: `vault`, «Vault». */
  readonly event: string;
  readonly title: string;
  /** For the log: without anything secret. */
  readonly address: string;
  readonly random: RandomBytes;
  readonly log: Log;
  /** Asks whether the server lives and lets us in; rejects when not. */
  readonly check: () => Promise<void>;
}

/**
 * What is known of the connection to a vault, with the events of R2.5 at each change. While it is lost it looks for the server by itself,
 * so that Keyhold recovers without a restart and without a request.
 */
export class ConnectionWatch {
  readonly #event: string;
  readonly #title: string;
  readonly #address: string;
  readonly #random: RandomBytes;
  readonly #log: Log;
  readonly #check: () => Promise<void>;
  #state: 'unknown' | 'connected' | 'lost' | 'closed' = 'unknown';
  /** What was said of this outage: its parts may alternate, and each is news once. */
  readonly #said = new Set<string>();
  #checks = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor({ event, title, address, random, log, check }: ConnectionWatchOptions) {
    this.#event = event;
    this.#title = title;
    this.#address = address;
    this.#random = random;
    this.#log = log;
    this.#check = check;
  }

  isConnected(): boolean {
    return this.#state === 'connected';
  }

  connected(): void {
    if (this.#state === 'connected' || this.#state === 'closed') return;
    this.#state = 'connected';
    this.#said.clear();
    this.#checks = 0;
    clearTimeout(this.#timer);
    this.#log.info(`${this.#event}_connected`, `Connected to ${this.#title} at ${this.#address}`, { address: this.#address });
  }

  /** The server cannot be used. Logged once an outage for each reason. */
  failed(error: Error): void {
    this.#lost(`${this.#event}_connection_failed`, `The connection to ${this.#title} at ${this.#address} failed: ${error.message}`, error);
  }

  /** It does not let us in; `goesOn` while the token before is still good. */
  refused(error: Error, goesOn: boolean): void {
    const event = `${this.#event}_authentication_failed`;
    if (goesOn) this.#log.error(event, error.message, { address: this.#address, error });
    else this.#lost(event, error.message, error);
  }

  close(): void {
    this.#state = 'closed';
    clearTimeout(this.#timer);
  }

  #lost(event: string, msg: string, error: Error): void {
    if (this.#state === 'closed') return;
    const isNews = !this.#said.has(msg);
    this.#said.add(msg);
    if (isNews) this.#log.error(event, msg, { address: this.#address, error });
    if (this.#state === 'lost') return;
    this.#state = 'lost';
    this.#lookAgain();
  }

  #lookAgain(): void {
    this.#checks += 1;
    this.#timer = setTimeout(() => void this.#look(), backoffMs(this.#checks, CHECKS, this.#random));
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    try {
      await this.#check();
      this.connected();
    } catch {
      // What it was has been told to `failed` or `refused`.
      if (this.#state === 'lost') this.#lookAgain();
    }
  }
}
