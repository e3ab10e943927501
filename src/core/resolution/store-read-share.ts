/** How many store reads one tenant has under way at once; the rest wait their turn (S11). */
const AT_ONCE = 8;

interface Tenant {
  running: number;
  readonly waiting: (() => void)[];
}

/** Gives each tenant its share of reads from the secret stores, so that one that misses all its caches does not starve the others (S11). */
export class StoreReadShare {
  readonly #tenants = new Map<string, Tenant>();

  async run<T>(tenant: string, read: () => Promise<T>): Promise<T> {
    const share = this.#tenants.get(tenant) ?? { running: 0, waiting: [] };
    this.#tenants.set(tenant, share);
    if (share.running >= AT_ONCE) await new Promise<void>((resolve) => share.waiting.push(resolve));
    else share.running += 1;
    try {
      return await read();
    } finally {
      const next = share.waiting.shift();
      // A waiting read takes the turn over as it is, so that nobody slips in between.
      if (next !== undefined) next();
      else share.running -= 1;
      if (share.running === 0) this.#tenants.delete(tenant);
    }
  }
}
