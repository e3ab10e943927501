import { KeyholdError } from '../ports/errors.ts';

const MIB = 1024 * 1024;
const PER_PROCESS = 512 * MIB;
const PER_TENANT = 192 * MIB;
/** With less, bodies of the largest size that is allowed (R0.3) would have no room beside others. */
const LEAST_PER_PROCESS = 128 * MIB;
const LEAST_PER_TENANT = 64 * MIB;

/** One process's share, where several on one machine share the memory: together they hold what one would, or 128 MiB each if that is more. */
export function bodyMemoryShare(processes: number): { readonly bodyBytesPerProcess: number; readonly bodyBytesPerTenant: number } {
  return { bodyBytesPerProcess: Math.max(PER_PROCESS / processes, LEAST_PER_PROCESS), bodyBytesPerTenant: Math.max(PER_TENANT / processes, LEAST_PER_TENANT) };
}

/** How much memory request bodies may hold at one time, in the process and for one tenant (S34). */
export class BodyMemory {
  readonly #perProcess: number;
  readonly #perTenant: number;
  readonly #held = new Map<string, number>();
  #total = 0;

  constructor(perProcess = PER_PROCESS, perTenant = PER_TENANT) {
    this.#perProcess = perProcess;
    this.#perTenant = perTenant;
  }

  /** Throws `rate_limited` when the tenant holds too much, `unavailable` when all together do. */
  take(tenant: string, bytes: number): void {
    const held = this.#held.get(tenant) ?? 0;
    if (held + bytes > this.#perTenant) {
      throw new KeyholdError('rate_limited', 'The tenant has too many large request bodies under way. Send them one after the other.', { retryAfterSeconds: 1 });
    }
    if (this.#total + bytes > this.#perProcess) {
      throw new KeyholdError('unavailable', 'Too many large request bodies are under way. Try again in a moment.', { retryAfterSeconds: 1 });
    }
    this.#held.set(tenant, held + bytes);
    this.#total += bytes;
  }

  give(tenant: string, bytes: number): void {
    const held = (this.#held.get(tenant) ?? 0) - bytes;
    if (held <= 0) this.#held.delete(tenant);
    else this.#held.set(tenant, held);
    this.#total -= bytes;
  }

  /** Bytes held by all tenants. */
  held(): number {
    return this.#total;
  }
}
