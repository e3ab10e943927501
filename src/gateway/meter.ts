import type { Reserved } from '../core/budgets/reserved.ts';
import { dollars } from '../core/prices/money.ts';
import { costOf, type Price } from '../core/prices/price.ts';
import type { Clock } from '../ports/clock.ts';
import { KeyholdError } from '../ports/errors.ts';
import type { Log } from '../ports/log.ts';
import type { KeySource, MeteredCounts, UsageEvent, UsageStart } from '../ports/usage.ts';
import { BegunOrNot, type UsageJournal } from '../ports/usage-journal.ts';
import { noTokens } from './token-counts.ts';

/** How a request ended, as its relay saw it. */
export interface Ending {
  readonly outcome: UsageEvent['outcome'];
  /** The upstream's status; null when it never answered. */
  readonly status: number | null;
  readonly counts: MeteredCounts;
  readonly estimated: boolean;
}

/** Which credential served in the end; a key that was replaced meanwhile makes it another than at the start. */
export interface ServedBy {
  readonly keySource: KeySource;
  readonly credentialId: string | null;
  readonly credentialVersion: number | null;
  readonly attempts: number;
}

/** What a request is billed by, and from. */
export interface Billing {
  /** Whatever the price is when it ends; null: not known. */
  readonly price: Price | null;
  /** What it holds of its budgets, which is settled with its end; null: none hold for it. */
  readonly reserved: Reserved | null;
}

const BYTES_PER_TOKEN = 4;

/** One request's usage: the start entry before the upstream call, one end entry before the answer ends (R5.3). */
export class Meter {
  readonly #journal: Pick<UsageJournal, 'holdsAnswers' | 'begin' | 'end'>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #start: UsageStart;
  readonly #startedAt: number;
  readonly #price: Price | null;
  readonly #reserved: Reserved | null;
  #firstTokenAt: number | null = null;
  #ended: Promise<boolean> | undefined;
  ending: Ending | undefined;

  /** `startedAt` is when the request came, on the monotonic clock. */
  constructor(journal: Pick<UsageJournal, 'holdsAnswers' | 'begin' | 'end'>, clock: Clock, log: Log, start: UsageStart, startedAt: number, { price, reserved }: Billing) {
    this.#journal = journal;
    this.#clock = clock;
    this.#log = log;
    this.#start = start;
    this.#startedAt = startedAt;
    this.#price = price;
    this.#reserved = reserved;
  }

  /**
   * Writes the start entry, and goes on when it stands. Throws, or rejects with, what `mayBegin` and `proceed` throw, and `unavailable` when the entry cannot be
   * written: then nothing may be called.
   */
  begin(mayBegin: () => void, proceed: () => void): Promise<void> {
    let begun: Promise<void>;
    try {
      mayBegin();
      if (this.#reserved?.isCurrent === false) throw new KeyholdError('unavailable', 'This replica stood still for a while and begins anew. Send the request again.', { retryAfterSeconds: 1 });
      begun = this.#journal.begin(this.#start);
    } catch (error) {
      this.#releaseAfter(error);
      throw error;
    }
    return begun.then(proceed, (error: unknown) => {
      this.#releaseAfter(error);
      throw error;
    });
  }

  /** What may be found to have begun stays reserved: should this process die now, it counts. */
  #releaseAfter(error: unknown): void {
    if (!(error instanceof BegunOrNot)) this.#reserved?.release();
  }

  /** The first piece of a streamed answer came. */
  firstToken(): void {
    this.#firstTokenAt ??= this.#clock.monotonic();
  }

  /** Milliseconds from the request to the first piece of its answer. */
  get firstTokenMs(): number | null {
    return this.#firstTokenAt === null ? null : Math.round(this.#firstTokenAt - this.#startedAt);
  }

  get inputEstimate(): number {
    return this.#start.estimatedInputTokens;
  }

  /**
   * Writes the end entry; only the first call counts. Resolves when the entry stands, with whether the answer may leave. Never rejects: what went
   * wrong is logged. An answer that was paid for is held back only where the journal promises that none leaves before its entry.
   */
  end(ending: Ending, served: ServedBy): Promise<boolean> {
    this.#ended ??= this.#write(ending, served);
    return this.#ended;
  }

  #write(ending: Ending, served: ServedBy): Promise<boolean> {
    this.ending = ending;
    const { id, tenant, service, model, route, gatewayKeyId, tokenId, tags, endUser } = this.#start;
    const { inputTokens, outputTokens } = ending.counts;
    const cost = this.#price === null ? null : billedFor(ending, this.#price);
    const shares = this.#reserved?.sharesOf({ attempts: served.attempts, tokens: inputTokens + outputTokens, cost, estimated: ending.estimated });
    const event: UsageEvent = {
      id,
      time: this.#clock.now(),
      tenant,
      service,
      model,
      route,
      status: ending.status,
      outcome: ending.outcome,
      keySource: served.keySource,
      credentialId: served.credentialId,
      credentialVersion: served.credentialVersion,
      gatewayKeyId,
      tokenId,
      attempts: served.attempts,
      inputTokens: ending.counts.inputTokens,
      outputTokens: ending.counts.outputTokens,
      cachedTokens: ending.counts.cachedTokens,
      cacheWriteTokens: ending.counts.cacheWriteTokens,
      reasoningTokens: ending.counts.reasoningTokens,
      estimated: ending.estimated,
      latencyMs: Math.round(this.#clock.monotonic() - this.#startedAt),
      firstTokenMs: this.firstTokenMs,
      cost: cost === null ? null : dollars(cost),
      unpriced: cost === null,
      tags,
      endUser,
      shares,
    };
    return this.#journal
      .end(event)
      .then(() => {
        // Only now: of a process that dies before, it counts as what was reserved.
        if (shares !== undefined) this.#reserved?.settle(shares);
        return true;
      })
      .catch((error: unknown) => {
        this.#log.error('usage_end_failed', 'The end of a request could not be written to the usage journal; unless it can be later, it will be counted as aborted', { tenant, service, error });
        return !this.#journal.holdsAnswers;
      });
  }
}

/** Nano-dollars. Where nothing was read or written and it failed, the request itself costs nothing either. */
function billedFor({ outcome, counts }: Ending, price: Price): number {
  return outcome !== 'completed' && counts.inputTokens === 0 && counts.outputTokens === 0 ? 0 : costOf(price, counts);
}

/** Tokens of so many bytes or characters, where nobody has counted them. */
export function estimatedTokens(bytes: number): number {
  return Math.ceil(bytes / BYTES_PER_TOKEN);
}

/** An answer that did not come whole: what was told so far, or an estimate of what was read and came. */
export function partialCounts(counts: MeteredCounts | undefined, inputEstimate: number, characters: number): MeteredCounts {
  const told = counts ?? { ...noTokens, inputTokens: inputEstimate };
  return { ...told, outputTokens: Math.max(told.outputTokens, estimatedTokens(characters)) };
}
