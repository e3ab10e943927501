import { KeyholdError } from '../ports/errors.ts';

/** R0.3: open requests of one tenant at a time. */
const PER_TENANT = 2_000;

export interface OpenRequestsOptions {
  readonly limit?: number | undefined;
  /** How many of a tenant's are open in other processes that share the limit. */
  readonly elsewhere?: (tenant: string) => number;
}

/** Counts what is under way, by tenant (S34). */
export class OpenRequests {
  readonly #limit: number;
  readonly #elsewhere: (tenant: string) => number;
  readonly #open = new Map<string, number>();

  constructor({ limit = PER_TENANT, elsewhere = () => 0 }: OpenRequestsOptions = {}) {
    this.#limit = limit;
    this.#elsewhere = elsewhere;
  }

  /** Throws `rate_limited` when the tenant has as many open as it may. */
  enter(tenant: string): void {
    const open = this.#open.get(tenant) ?? 0;
    if (open + this.#elsewhere(tenant) >= this.#limit) {
      throw new KeyholdError('rate_limited', `The tenant has ${this.#limit} requests open, which is the limit. Wait for some of them to end.`, { retryAfterSeconds: 1 });
    }
    this.#open.set(tenant, open + 1);
  }

  leave(tenant: string): void {
    const open = this.#open.get(tenant) ?? 0;
    if (open <= 1) this.#open.delete(tenant);
    else this.#open.set(tenant, open - 1);
  }

  /** Tenants with so many open here, or more. */
  above(least: number): readonly (readonly [tenant: string, count: number])[] {
    return [...this.#open].filter(([, count]) => count >= least);
  }
}
