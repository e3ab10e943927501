import type { OpenRequests } from '../gateway/open-requests.ts';
import type { Channel } from './worker-link.ts';

const TELL_EVERY_MS = 250;
/** Fewer are no matter for a limit of thousands, and most tenants never have more. */
const LEAST_TOLD = 20;
/** What a worker told longer ago counts no more: it is gone, or stands still. */
const BELIEVED_MS = 2_000;

interface Told {
  readonly from: number;
  readonly open: readonly (readonly [tenant: string, count: number])[];
}

/**
 * How many requests of a tenant other workers have open: each tells the others every quarter of a second, so a limit over all of them holds but for
 * what comes in that time.
 */
export class TenantsOpen {
  readonly #number: number;
  readonly #channel: Channel;
  readonly #told = new Map<number, { readonly at: number; readonly open: ReadonlyMap<string, number> }>();
  #timer: NodeJS.Timeout | undefined;
  #hasTold = false;

  constructor(number: number, channel: Channel) {
    this.#number = number;
    this.#channel = channel;
    channel.onMessage((message) => {
      if (isTold(message)) this.#told.set(message.from, { at: performance.now(), open: new Map(message.open) });
    });
  }

  /** Tells the others what is open here, from now until `stop`. */
  tell(here: Pick<OpenRequests, 'above'>): void {
    this.#timer = setInterval(() => {
      const open = here.above(LEAST_TOLD);
      if (open.length === 0 && !this.#hasTold) return;
      this.#hasTold = open.length > 0;
      void this.#channel.send({ from: this.#number, open } satisfies Told);
    }, TELL_EVERY_MS).unref();
  }

  elsewhere(tenant: string): number {
    if (this.#told.size === 0) return 0;
    const since = performance.now() - BELIEVED_MS;
    let sum = 0;
    for (const { at, open } of this.#told.values()) if (at >= since) sum += open.get(tenant) ?? 0;
    return sum;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

function isTold(message: unknown): message is Told {
  return typeof message === 'object' && message !== null && 'from' in message && 'open' in message && Array.isArray(message.open);
}
