import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { hasLeftRows, openEmergencyFile } from './adapters/audit-files/emergency-file.ts';
import { systemClock } from './adapters/clock/system-clock.ts';
import { placePath, placesOf, type ReplicaPlace, tryPlace } from './adapters/data-folder/replica-place.ts';
import { openDatabaseJournal } from './adapters/usage-journal/database-journal.ts';
import { openFileJournal } from './adapters/usage-journal/file-journal.ts';
import type { Config } from './config/config.ts';
import type { OwnAuditLog } from './core/audit/audit-writer.ts';
import { BudgetSettlement } from './core/budgets/settlement.ts';
import { BegunDeliveries } from './core/usage/begun-deliveries.ts';
import { DeadJournals } from './core/usage/dead-journals.ts';
import { type DeliveredJournal, UsageDelivery } from './core/usage/delivery.ts';
import { adoptPlacesJob } from './jobs/adopt-places.ts';
import { finishJournalsJob } from './jobs/finish-journals.ts';
import { LEASE_TERM_MS } from './jobs/leased-jobs.ts';
import type { Log } from './ports/log.ts';
import type { MetadataStore } from './ports/metadata-store.ts';
import type { Metrics } from './ports/metrics.ts';
import type { UsageJournal } from './ports/usage-journal.ts';

const JOURNAL = 'journal';
const EMERGENCY = 'audit-emergency';
/** Looks at the journals of others in the time after which one counts as left. */
const LOOKS_PER_TERM = 3;

export interface UsageOptions {
  readonly config: Pick<Config, 'dataDir' | 'journal'>;
  /** This process's own. */
  readonly place: ReplicaPlace;
  readonly metadata: Pick<MetadataStore, 'kind' | 'usage' | 'usageSegments' | 'budgetAccounts'>;
  readonly audit: OwnAuditLog;
  /** Nobody else can be using the database now. */
  readonly alone: () => boolean;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly termMs: number | undefined;
}

export interface OpenUsage {
  readonly journal: UsageJournal;
  readonly delivery: UsageDelivery;
  /** From here on usage is delivered, and what others leave is taken over. */
  start(): void;
  /** Delivers what is left. */
  close(): Promise<void>;
}

/** The usage journal of this process, with what dead processes have left in its place, and its delivery. Throws `StartError` as `openFileJournal` does. */
export async function openUsage(options: UsageOptions): Promise<OpenUsage> {
  const { config, place, metadata, alone, log, termMs = LEASE_TERM_MS } = options;
  const inDatabase = config.journal === 'synchronous' ? openDatabaseJournal({ segments: metadata.usageSegments, clock: systemClock, random: randomBytes, log, termMs }) : undefined;
  const journal = inDatabase ?? (await openJournal(place.path(JOURNAL), log));
  const begun = inDatabase === undefined ? begunOnDisk(options) : undefined;
  const delivery = new UsageDelivery({ journal, repository: metadata.usage, budgets: settlementOf(options), begun, log, metrics: options.metrics, clock: systemClock });
  const adoption = adoptPlacesJob({ log, left: () => leftPlaces(options), adopt: (number) => adopt(options, number) });
  const journals = deadJournals({ ...options, termMs }, journal);
  const finishing = finishJournalsJob({ journals, log, everyMs: termMs / LOOKS_PER_TERM });
  return {
    journal,
    delivery,
    start: () => {
      delivery.start();
      adoption.start();
      finishing.start();
      if (alone()) void finishing.now();
    },
    close: async () => {
      await adoption.stop();
      await finishing.stop();
      await delivery.stop();
      await journal.close();
    },
  };
}

function deadJournals(options: UsageOptions & { readonly termMs: number }, own: Pick<UsageJournal, 'name'>): DeadJournals {
  const { metadata, alone, log, termMs } = options;
  return new DeadJournals({ segments: metadata.usageSegments, deliver: (journal) => deliverFrom(options, journal, undefined), deliveries: begunDeliveries(options), own: () => own.name, clock: systemClock, log, termMs, alone });
}

/**
 * Places in this data folder that nobody has now, and where something was left: fewer processes run than before, or one died and is not there again
 * yet. Our own, too, where it has a journal from a time when that was kept in files.
 */
function leftPlaces({ config: { dataDir, journal }, place }: UsageOptions): readonly number[] {
  const numbers = new Set([...placesOf(dataDir, JOURNAL), ...placesOf(dataDir, EMERGENCY)]);
  return [...numbers].filter((number) => (number === place.number ? journal === 'synchronous' && hasJournal(dataDir, number) : hasJournal(dataDir, number) || hasLeftRows(placePath(dataDir, EMERGENCY, number))));
}

function hasJournal(dataDir: string, number: number): boolean {
  const journal = placePath(dataDir, JOURNAL, number);
  return existsSync(journal) && readdirSync(journal).length > 0;
}

/** Who takes a place has it alone; one who dies over that is followed by the next. */
async function adopt(options: UsageOptions, number: number): Promise<boolean> {
  const isOwn = number === options.place.number;
  const left = isOwn ? options.place : tryPlace(options.config.dataDir, number);
  if (left === undefined) return false;
  try {
    const journal = await openJournal(left.path(JOURNAL), options.log);
    try {
      await deliverFrom(options, journal, begunOnDisk(options));
    } finally {
      await journal.close();
    }
    if (!isOwn) await placeRowsFrom(left, options.audit);
    return true;
  } finally {
    if (!isOwn) left.release();
  }
}

async function deliverFrom(options: UsageOptions, journal: DeliveredJournal, begun: BegunDeliveries | undefined): Promise<void> {
  const { metadata, log, metrics } = options;
  await new UsageDelivery({ journal, repository: metadata.usage, budgets: settlementOf(options), begun, log, metrics: { ...metrics, journalPending: () => undefined }, clock: systemClock }).deliver();
}

/** Where the database lies on the same disk, nothing of it stands when that is lost. */
function begunOnDisk(options: UsageOptions): BegunDeliveries | undefined {
  return options.metadata.kind === 'sqlite' ? undefined : begunDeliveries(options);
}

function begunDeliveries(options: UsageOptions): BegunDeliveries {
  const { usage, usageSegments } = options.metadata;
  return new BegunDeliveries({ segments: usageSegments, batches: usage, sums: { repository: usage, budgets: settlementOf(options) } });
}

function settlementOf({ metadata, log, metrics }: UsageOptions): BudgetSettlement {
  return new BudgetSettlement({ accounts: metadata.budgetAccounts, clock: systemClock, log, metrics });
}

async function placeRowsFrom(left: ReplicaPlace, audit: OwnAuditLog): Promise<void> {
  const file = left.path(EMERGENCY);
  if (!hasLeftRows(file)) return;
  const rows = await openEmergencyFile(file);
  try {
    await audit.placeRowsOf(rows);
  } finally {
    await rows.close();
  }
}

async function openJournal(folder: string, log: Log): Promise<UsageJournal> {
  const journal = await openFileJournal({ folder, random: randomBytes });
  if (journal.damaged() > 0) log.warn('journal_damaged', 'Lines of the usage journal could not be read; their requests count as aborted, or not at all', { count: journal.damaged() });
  return journal;
}
