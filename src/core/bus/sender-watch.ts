import type { Clock } from '../../ports/clock.ts';
import type { Envelope } from './envelope.ts';

/** Heartbeats come each second; so many in a row may be late. */
export const HEARTBEAT_MS = 1_000;
export const SILENT_AFTER_MS = 3 * HEARTBEAT_MS;
/** Who has said nothing for so long counts as dead: what it might still change is found out by the records' own time. */
const DEAD_AFTER_MS = 60_000;
/** Senders that are remembered; of dead ones, so that nobody plays what they said again. */
const MAX_SENDERS = 1_000;

interface Sender {
  sequence: number;
  heardAt: number;
  ended: boolean;
}

/** `gap`: something in between did not arrive. `replayed`: this or a later one was here before. */
export type Order = 'next' | 'gap' | 'replayed';

/** Who is out there on one link, and whether all that they say arrives, in order, once. */
export class SenderWatch {
  readonly #clock: Clock;
  readonly #senders = new Map<string, Sender>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A sender that is new begins wherever it is: what it said before is older than this link, or owed by it (`missed`). */
  heard({ sender, epoch, sequence, says: { kind } }: Pick<Envelope, 'sender' | 'epoch' | 'sequence'> & { readonly says: { readonly kind: string } }): Order {
    const name = `${sender}/${epoch}`;
    const known = this.#senders.get(name);
    if (known !== undefined && sequence <= known.sequence) return 'replayed';
    this.#senders.delete(name);
    this.#senders.set(name, { sequence, heardAt: this.#clock.monotonic(), ended: kind === 'bye' });
    for (const oldest of this.#senders.keys()) {
      if (this.#senders.size <= MAX_SENDERS) break;
      this.#senders.delete(oldest);
    }
    return known === undefined || sequence === known.sequence + 1 ? 'next' : 'gap';
  }

  /** How many are out there, as far as is known; the dead count until they are known to be. */
  present(): number {
    const now = this.#clock.monotonic();
    let count = 0;
    for (const { ended, heardAt } of this.#senders.values()) if (!ended && now - heardAt <= DEAD_AFTER_MS) count += 1;
    return count;
  }

  /** Whether somebody who was there says nothing any more, and may only be cut off. */
  someoneIsSilent(): boolean {
    const now = this.#clock.monotonic();
    let silent = false;
    for (const sender of this.#senders.values()) {
      if (sender.ended || now - sender.heardAt <= SILENT_AFTER_MS) continue;
      if (now - sender.heardAt > DEAD_AFTER_MS) sender.ended = true;
      else silent = true;
    }
    return silent;
  }
}
