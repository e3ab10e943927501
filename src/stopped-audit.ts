import { randomBytes } from 'node:crypto';
import { systemClock } from './adapters/clock/system-clock.ts';
import { createMetrics } from './adapters/metrics/prometheus.ts';
import { auditFiles, openAudit, openWriter } from './compose-audit.ts';
import type { Config } from './config/config.ts';
import { openKeptTree } from './core/audit/audit-heads.ts';
import { type AuditKeyDependencies, loadOrCreateAuditKey, lostAuditKey, newOrigin } from './core/audit/audit-key.ts';
import { changeKey, type OldKeys, publicKeysOf } from './core/audit/change-key.ts';
import { type ExportedTree, exportLines } from './core/audit/export-lines.ts';
import { type AuditKeys, keptKeys } from './core/audit/kept-keys.ts';
import { type LogTree, openLogTree } from './core/audit/log-tree.ts';
import type { VerifierKey } from './core/audit/notes/verifier-key.ts';
import { newReplicaId } from './core/replicas/replica-id.ts';
import type { Log } from './ports/log.ts';
import type { MetadataStore } from './ports/metadata-store.ts';
import { StartError } from './ports/start-error.ts';
import { onStoppedFolder } from './stopped-folder.ts';

/** The audit log's keys, from their file alone. Throws `StartError` (6) when there are none. */
export async function readAuditKeys(config: Config): Promise<AuditKeys> {
  const { keys } = auditFiles(config);
  const text = await keys.read();
  const found = text === undefined ? undefined : keptKeys(text);
  if (found === undefined) throw new StartError(6, `There is no key of an audit log in ${keys.place}. Set KEYHOLD_AUDIT_KEY_FILE to where it is; a first start of Keyhold makes one.`);
  return found;
}

/** Writes the audit log of a stopped Keyhold as `keyhold audit verify` reads it. Throws `StartError`, 5 while it is running, 1 for a tenant that never was. */
export async function exportStoppedAudit(config: Config, log: Log, tree: ExportedTree, write: (line: string) => Promise<void>): Promise<void> {
  await onStoppedFolder(config, log, 'may-run', async (metadata) => {
    if (tree !== 'log' && (await metadata.tenants.get(tree)) === undefined) throw new StartError(1, `There is no tenant ${JSON.stringify(tree.tenant)} here.`);
    const { audit, proofs, closeJournal } = await openAudit({ config, metadata, log, metrics: createMetrics(), replica: newReplicaId(randomBytes) });
    try {
      const name = tree === 'log' ? null : tree.tenant;
      const lines = exportLines(tree, {
        head: async () => ({ checkpoint: (await proofs.head(name)).note, keyChanges: await proofs.keyChanges() }),
        entries: (from, limit) => proofs.entries(name, from, limit),
      });
      for await (const line of lines) await write(line);
    } finally {
      await audit.close();
      await closeJournal();
    }
  });
}

/** The public key before a change and after it. */
export interface ChangedKey {
  readonly before: VerifierKey;
  readonly after: VerifierKey;
}

/**
 * Gives the audit log of a stopped Keyhold another key, and says so in the log under both keys' signatures (S30). With `lost` the old one cannot sign, and
 * who verifies needs the new one another way.
 */
export async function rotateStoppedKey(config: Config, log: Log, { lost }: { readonly lost: boolean }): Promise<ChangedKey> {
  return onStoppedFolder(config, log, 'stopped', async (metadata) => {
    const dependencies = custody(config, metadata);
    const old = lost ? await lostAuditKey(dependencies) : await loadOrCreateAuditKey(dependencies);
    const tree = await openKeptTree({ repository: metadata.audit, known: publicKeysOf(old), heads: auditFiles(config).heads, log });
    return change(config, log, metadata, tree, old, 'audit-key.rotate');
  });
}

/**
 * Takes the audit log as a restored database has it, under a new name and with a row that tells of it (S30): heads of before are still
 * compared with it, and show what is missing. Throws `StartError` (1) where nothing was restored.
 */
export async function acceptRestoredAudit(config: Config, log: Log): Promise<ChangedKey> {
  return onStoppedFolder(config, log, 'stopped', async (metadata) => {
    const old = await loadOrCreateAuditKey(custody(config, metadata));
    await requireRestored(config, metadata, publicKeysOf(old), log);
    return change(config, log, metadata, await openLogTree(metadata.audit, undefined), old, 'audit-log.accept-restored');
  });
}

/** A log that goes on from its last head would get a new name for nothing, and everybody who verifies it a question. */
async function requireRestored(config: Config, metadata: MetadataStore, known: readonly VerifierKey[], log: Log): Promise<void> {
  const { heads } = auditFiles(config);
  if ((await heads.last()) === undefined) return;
  const goesOn = await openKeptTree({ repository: metadata.audit, known, heads, log }).then(
    () => true,
    (error: unknown) => {
      if (error instanceof StartError && error.exitCode === 1) return false;
      throw error;
    },
  );
  if (goesOn) throw new StartError(1, 'The database goes on from the last head of its audit log that was kept here: it was not put in the place of a newer one, and there is nothing to accept. Start Keyhold as always.');
}

async function change(config: Config, log: Log, metadata: MetadataStore, tree: LogTree, old: OldKeys, action: 'audit-key.rotate' | 'audit-log.accept-restored'): Promise<ChangedKey> {
  const [before] = publicKeysOf(old);
  const origin = action === 'audit-key.rotate' ? before.name : newOrigin(randomBytes);
  const { audit, closeJournal } = await openWriter({ config, metadata, log, metrics: createMetrics(), replica: newReplicaId(randomBytes) }, tree);
  try {
    const { keys, heads } = auditFiles(config);
    const next = await changeKey(old, action, origin, { keys, heads, platform: metadata.platform, audit, tree, random: randomBytes, clock: systemClock });
    return { before, after: next.verifier };
  } finally {
    await audit.close();
    await closeJournal();
  }
}

function custody(config: Config, metadata: MetadataStore): AuditKeyDependencies {
  return { keys: auditFiles(config).keys, platform: metadata.platform, repository: metadata.audit, random: randomBytes, clock: systemClock };
}
