import type { Clock } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';

/** How old something gets before it is fetched again, so that what the provider took back ends. */
const FRESH_MS = 600_000;
/** How old it gets while it cannot be fetched again. */
const USABLE_MS = 3_600_000;
/** Between two fetches, whoever asks for what and whatever fails (S23). */
const REST_MS = 30_000;

export interface RefreshedOptions<T> {
  readonly read: () => Promise<T>;
  /** What is said when what was read cannot be used. */
  readonly unusable: (cause: unknown) => KeyholdError;
  readonly clock: Clock;
}

/** Something that an identity provider publishes: fetched when it is needed, kept for ten minutes, for an hour while the provider is away, and asked for every 30 s at most. */
export class Refreshed<T> {
  readonly #options: RefreshedOptions<T>;
  #known: { readonly value: T; readonly at: number } | undefined;
  #flight: Promise<void> | undefined;
  #restUntil = -Infinity;
  #failure: KeyholdError | undefined;

  constructor(options: RefreshedOptions<T>) {
    this.#options = options;
  }

  /** What is known, and whether it could be newer. Rejects with `unavailable` when nothing can be had. */
  async get(): Promise<{ readonly value: T; readonly isNew: boolean }> {
    const isOld = this.#age() >= FRESH_MS;
    if (isOld) await this.#renew();
    return { value: this.#usable(), isNew: isOld };
  }

  /** As it is when it has been asked for just now, if that is not too soon. */
  async renewed(): Promise<T> {
    await this.#renew();
    return this.#usable();
  }

  async #renew(): Promise<void> {
    const now = this.#options.clock.monotonic();
    if (this.#flight === undefined && now >= this.#restUntil) {
      this.#restUntil = now + REST_MS;
      this.#flight = this.#fetch(now).finally(() => (this.#flight = undefined));
    }
    await this.#flight;
  }

  #age(): number {
    return this.#known === undefined ? Infinity : this.#options.clock.monotonic() - this.#known.at;
  }

  #usable(): T {
    if (this.#known !== undefined && this.#age() < USABLE_MS) return this.#known.value;
    throw this.#failure ?? new KeyholdError('unavailable', 'The identity provider cannot be asked at the moment. Try again later.');
  }

  async #fetch(at: number): Promise<void> {
    try {
      this.#known = { value: await this.#options.read(), at };
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error instanceof KeyholdError ? error : this.#options.unusable(error);
    }
  }
}
