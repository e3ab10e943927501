import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { hasLeftRows, openEmergencyFile } from './adapters/audit-files/emergency-file.ts';
import { systemClock } from './adapters/clock/system-clock.ts';
import { placePath, placesOf, type ReplicaPlace, tryPlace } from './adapters/data-folder/replica-place.ts';
import { openFileJournal } from './adapters/usage-journal/file-journal.ts';
import type { OwnAuditLog } from './core/audit/audit-writer.ts';
import { UsageDelivery } from './core/usage/delivery.ts';
import { AdoptPlaces } from './jobs/adopt-places.ts';
import type { Log } from './ports/log.ts';
import type { MetadataStore } from './ports/metadata-store.ts';
import type { Metrics } from './ports/metrics.ts';
import type { UsageJournal } from './ports/usage-journal.ts';

const JOURNAL = 'journal';
const EMERGENCY = 'audit-emergency';

export interface UsageOptions {
  readonly dataDir: string;
  /** This process's own. */
  readonly place: ReplicaPlace;
  readonly metadata: Pick<MetadataStore, 'usage'>;
  readonly log: Log;
  readonly metrics: Metrics;
}

export interface OpenUsage {
  readonly journal: UsageJournal;
  readonly delivery: UsageDelivery;
}

/** The usage journal of this process, with what dead processes have left in its place, and its delivery. Throws `StartError` as `openFileJournal` does. */
export async function openUsage({ place, metadata, log, metrics }: UsageOptions): Promise<OpenUsage> {
  const journal = await openJournal(place.path(JOURNAL), log);
  return { journal, delivery: new UsageDelivery({ journal, repository: metadata.usage, log, metrics, clock: systemClock }) };
}

/**
 * Takes over what processes have left in places of this data folder that nobody has now: fewer of them run than before, or one died and is not there again
 * yet. Who takes a place has it alone; one who dies over that is followed by the next.
 */
export function adoptPlaces({ dataDir, place, metadata, log, metrics, audit }: UsageOptions & { readonly audit: OwnAuditLog }): AdoptPlaces {
  return new AdoptPlaces({
    log,
    left: () => [...new Set([...placesOf(dataDir, JOURNAL), ...placesOf(dataDir, EMERGENCY)])].filter((number) => number !== place.number && isLeft(dataDir, number)),
    adopt: async (number) => {
      const left = tryPlace(dataDir, number);
      if (left === undefined) return false;
      try {
        await deliverFrom(left, { metadata, log, metrics });
        await placeRowsFrom(left, audit);
        return true;
      } finally {
        left.release();
      }
    },
  });
}

function isLeft(dataDir: string, number: number): boolean {
  const journal = placePath(dataDir, JOURNAL, number);
  return (existsSync(journal) && readdirSync(journal).length > 0) || hasLeftRows(placePath(dataDir, EMERGENCY, number));
}

async function deliverFrom(left: ReplicaPlace, { metadata, log, metrics }: Pick<UsageOptions, 'metadata' | 'log' | 'metrics'>): Promise<void> {
  const journal = await openJournal(left.path(JOURNAL), log);
  try {
    await new UsageDelivery({ journal, repository: metadata.usage, log, metrics: { ...metrics, journalPending: () => undefined }, clock: systemClock }).deliver();
  } finally {
    await journal.close();
  }
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
