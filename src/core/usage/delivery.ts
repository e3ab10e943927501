import type { BudgetSettlement } from '../budgets/settlement.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { UsageRepository } from '../../ports/metadata/usage.ts';
import type { Metrics } from '../../ports/metrics.ts';
import type { JournalSegment, UsageJournal } from '../../ports/usage-journal.ts';
import { addToSums } from './add-to-sums.ts';
import type { BegunDeliveries } from './begun-deliveries.ts';

const INTERVAL_MS = 1_000;
const MAX_BACKOFF_MS = 60_000;
/** Tenants of one segment that are written at the same time, so that a database with group commit has a group. */
const AT_ONCE = 16;

/** What of a journal its delivery needs. */
export type DeliveredJournal = Pick<UsageJournal, 'seal' | 'discard' | 'pending' | 'over' | 'forget'>;

export interface UsageDeliveryDependencies {
  readonly journal: DeliveredJournal;
  readonly repository: UsageRepository;
  readonly budgets: Pick<BudgetSettlement, 'spend' | 'end'>;
  /** For a journal on a disk that may be lost while the database stays. */
  readonly begun?: Pick<BegunDeliveries, 'begin' | 'over'> | undefined;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly clock: Clock;
}

/**
 * Carries usage from the journal into the metadata store, each event once whatever fails in between: a segment's batch is
 * create-only, a roll-up remembers the last segment it holds, as a budget's account does, and the segment is forgotten only when all stand. Should it be lost before, with its disk,
 * another replica goes on from the batches that stand (`BegunDeliveries`).
 */
export class UsageDelivery {
  readonly #journal: DeliveredJournal;
  readonly #repository: UsageRepository;
  readonly #budgets: Pick<BudgetSettlement, 'spend' | 'end'>;
  readonly #begun: UsageDeliveryDependencies['begun'];
  readonly #log: Log;
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  #flight: Promise<void> | null = null;
  #nextFlight: Promise<void> | null = null;
  #failures = 0;
  #notBefore = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor({ journal, repository, budgets, begun, log, metrics, clock }: UsageDeliveryDependencies) {
    this.#journal = journal;
    this.#repository = repository;
    this.#budgets = budgets;
    this.#begun = begun;
    this.#log = log;
    this.#metrics = metrics;
    this.#clock = clock;
  }

  /**
   * Resolves when everything that was in the journal at the call is in the repository. Rejects with what went wrong; nothing is
   * lost then, and it is tried again.
   */
  async deliver(): Promise<void> {
    if (this.#flight === null) {
      this.#flight = this.#fly();
      return this.#flight;
    }
    // The flight under way may have sealed the journal before the call, so callers meet in one flight after it.
    this.#nextFlight ??= this.#flight
      .catch(() => {})
      .then(async () => {
        this.#nextFlight = null;
        return this.deliver();
      });
    return this.#nextFlight;
  }

  /** Delivers each second while something is pending, less often while it fails. */
  start(): void {
    this.#timer ??= setInterval(() => {
      this.#metrics.journalPending(this.#journal.pending());
      if (this.#flight !== null || (this.#journal.pending() === 0 && this.#journal.over().length === 0) || this.#clock.monotonic() < this.#notBefore) return;
      // The failure is logged where it happens.
      this.deliver().catch(() => {});
    }, INTERVAL_MS).unref();
  }

  /** Delivers what is left. What cannot be delivered stays in the journal for the next start. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.deliver().catch(() => {});
  }

  async #fly(): Promise<void> {
    try {
      for (const segment of await this.#journal.seal()) {
        await this.#deliverSegment(segment);
        await this.#journal.discard(segment);
        // Nobody waits for it, and where it fails another replica does it.
        this.#begun?.over(segment).catch(() => {});
      }
      for (const ended of this.#journal.over()) {
        await this.#budgets.end(ended.journal, ended.isWhole);
        await this.#journal.forget(ended);
      }
      this.#succeeded();
    } catch (error) {
      this.#failed(error);
      throw error;
    } finally {
      this.#flight = null;
      this.#metrics.journalPending(this.#journal.pending());
    }
  }

  async #deliverSegment({ journal, segment, events }: JournalSegment): Promise<void> {
    const tenants = [...Map.groupBy(events, ({ tenant }) => tenant)];
    await this.#begun?.begin({ journal, segment }, tenants.map(([tenant]) => tenant));
    for (let first = 0; first < tenants.length; first += AT_ONCE) {
      // All have ended before a failure of one ends the flight: there is never a write of an earlier flight under way.
      const results = await Promise.allSettled(
        tenants.slice(first, first + AT_ONCE).map(async ([tenant, own]) => {
          const batch = { tenant, journal, segment, events: own };
          await this.#repository.putBatch(batch);
          await addToSums({ repository: this.#repository, budgets: this.#budgets }, batch);
        }),
      );
      const failed = results.find(({ status }) => status === 'rejected');
      if (failed?.status === 'rejected') throw failed.reason;
    }
  }

  #succeeded(): void {
    if (this.#failures > 0) this.#log.info('usage_delivered_again', 'Usage is being delivered to the database again; nothing was lost.');
    this.#failures = 0;
    this.#notBefore = 0;
  }

  #failed(error: unknown): void {
    if (this.#failures === 0) {
      this.#log.error('usage_delivery_failed', 'Usage cannot be delivered to the database. It is kept in the journal and delivered later.', { count: this.#journal.pending(), error });
    }
    this.#failures += 1;
    this.#notBefore = this.#clock.monotonic() + Math.min(INTERVAL_MS * 2 ** this.#failures, MAX_BACKOFF_MS);
  }
}
