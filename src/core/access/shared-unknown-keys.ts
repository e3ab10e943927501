import type { UnknownKeys } from './unknown-keys.ts';

/** A way to the other processes that count, too. */
interface NotesChannel {
  send(message: unknown): Promise<void>;
  onMessage(receive: (message: unknown) => void): void;
}

/**
 * Unknown keys counted over several processes: each tells the others what it noted. So the limit holds over all of them, but for what comes to others
 * in the moment that a note takes to arrive. An address that is blocked is told of no more, so nobody can flood the others through this.
 */
export class SharedUnknownKeys {
  readonly #here: Pick<UnknownKeys, 'blockedFor' | 'note'>;
  readonly #channel: NotesChannel;

  constructor(here: Pick<UnknownKeys, 'blockedFor' | 'note'>, channel: NotesChannel) {
    this.#here = here;
    this.#channel = channel;
    channel.onMessage((address) => {
      if (typeof address === 'string') this.#here.note(address);
    });
  }

  blockedFor(address: string): number | undefined {
    return this.#here.blockedFor(address);
  }

  note(address: string): void {
    if (this.blockedFor(address) !== undefined) return;
    this.#here.note(address);
    void this.#channel.send(address);
  }
}
