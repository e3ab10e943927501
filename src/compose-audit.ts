import { randomBytes } from 'node:crypto';
import { auditKeyFile } from './adapters/audit-files/audit-key-file.ts';
import { openEmergencyFile } from './adapters/audit-files/emergency-file.ts';
import { headFile } from './adapters/audit-files/head-file.ts';
import { headFiles } from './adapters/audit-files/head-files.ts';
import { createHttpWitness } from './adapters/audit-witness/http-witness.ts';
import { systemClock } from './adapters/clock/system-clock.ts';
import { firstPlace, placePath, placesOf, type ReplicaPlace } from './adapters/data-folder/replica-place.ts';
import type { Config } from './config/config.ts';
import { loadOrCreateAuditKey } from './core/audit/audit-key.ts';
import { AuditHeads, openKeptTree } from './core/audit/audit-heads.ts';
import { AuditProofs } from './core/audit/audit-proofs.ts';
import { createAuditLog, type OwnAuditLog } from './core/audit/audit-writer.ts';
import { type AuditKeys, verifiersOf } from './core/audit/kept-keys.ts';
import type { LogTree } from './core/audit/log-tree.ts';
import { WitnessedHeads } from './core/audit/witnessed-heads.ts';
import { Proxies } from './egress/proxies.ts';
import type { AuditKeyStore, HeadStore } from './ports/audit-custody.ts';
import type { Log } from './ports/log.ts';
import type { MetadataStore } from './ports/metadata-store.ts';
import type { Metrics } from './ports/metrics.ts';

export interface AuditOptions {
  readonly config: Pick<Config, 'dataDir' | 'auditKeyFile'>;
  readonly metadata: Pick<MetadataStore, 'audit' | 'platform'>;
  readonly log: Log;
  readonly metrics: Metrics;
  /** This process's id. */
  readonly replica: string;
  /** Where this process keeps its own files; undefined: while Keyhold is stopped. */
  readonly place?: ReplicaPlace;
}

const HEAD = 'audit-head';

/** The files that the audit log has outside the database: those of one process, or, without a place, of a stopped Keyhold. */
export function auditFiles({ dataDir, auditKeyFile: file }: AuditOptions['config'], place?: ReplicaPlace): { readonly keys: AuditKeyStore; readonly heads: HeadStore; readonly emergency: string } {
  const { path } = place ?? firstPlace(dataDir);
  const all = (): readonly string[] => placesOf(dataDir, HEAD).map((number) => placePath(dataDir, HEAD, number));
  return { keys: auditKeyFile(file, randomBytes), heads: headFiles({ own: path(HEAD), all, random: randomBytes, keepsAlone: place === undefined }), emergency: path('audit-emergency') };
}

export interface OpenAudit {
  readonly audit: OwnAuditLog;
  readonly heads: AuditHeads;
  readonly proofs: AuditProofs;
  readonly keys: AuditKeys;
  readonly tree: LogTree;
  /** The log is closed before: its last rows may still need the journal. */
  readonly closeJournal: () => Promise<void>;
}

/**
 * The audit log of a data folder, ready to be written: its key, the tree as this replica left it, and what an earlier process left in the emergency
 * journal. Throws `StartError` as its parts do.
 */
export async function openAudit(options: AuditOptions): Promise<OpenAudit> {
  const { metadata, log } = options;
  const { keys: store, heads } = auditFiles(options.config, options.place);
  const repository = metadata.audit;
  const keys = await loadOrCreateAuditKey({ keys: store, platform: metadata.platform, repository, random: randomBytes, clock: systemClock });
  const tree = await openKeptTree({ repository, known: verifiersOf(keys), heads, log });
  const written = await openWriter(options, tree);
  const signing = new AuditHeads({ repository, tree, keys, heads });
  return { ...written, heads: signing, proofs: new AuditProofs(repository, signing), keys, tree };
}

/** The witness of this process's heads; undefined where none is set. */
export async function openWitness({ auditWitness, proxies }: Pick<Config, 'auditWitness' | 'proxies'>, place: ReplicaPlace, proofs: AuditProofs, log: Log): Promise<WitnessedHeads | undefined> {
  if (auditWitness === null) return undefined;
  const { url, key } = auditWitness;
  return WitnessedHeads.open({ witness: createHttpWitness(url, new Proxies(proxies)), key, proofs, kept: headFile(place.path('audit-witnessed'), randomBytes), log });
}

/** The writer alone, on a tree that the caller has opened. */
export async function openWriter({ config, metadata, log, metrics, replica, place }: AuditOptions, tree: LogTree): Promise<Pick<OpenAudit, 'audit' | 'closeJournal'>> {
  const journal = await openEmergencyFile(auditFiles(config, place).emergency);
  const audit = createAuditLog({ repository: metadata.audit, tree, journal, clock: systemClock, random: randomBytes, replica, log, metrics });
  const left = await audit.placeLeftRows();
  if (left > 0) log.warn('audit_journal_placed', 'Rows that could not be written into the audit log were found in the emergency journal, and are placed now', { count: left });
  return { audit, closeJournal: () => journal.close() };
}
