import { setTimeout as sleep } from 'node:timers/promises';
import type { KeyholdApi } from '../../adapters/keyhold-api/call-keyhold.ts';
import { keysApi, type RotationProgress } from '../../adapters/keyhold-api/keys-api.ts';
import { visibleText } from '../../adapters/log/visible-text.ts';
import { allProviderKeys, type ProviderKey } from '../../core/keys/provider-keys.ts';
import { StartError } from '../../ports/start-error.ts';
import { rotateStoppedData } from '../../stopped-keys.ts';
import type { ClientOptions } from '../running-keyhold.ts';
import type { Terminal } from '../terminal.ts';
import { onStopped, whichKeyhold } from './which-keyhold.ts';

const LOOK_EVERY_MS = 500;

/** Gives everybody, or one tenant, new data keys, and prints which keys to replace at their providers (S14). Throws `StartError`. */
export async function rotateData(options: ClientOptions, tenant: string | null, terminal: Terminal): Promise<void> {
  const where = await whichKeyhold(options, terminal);
  if ('running' in where) {
    const done = await finished(where.running, await keysApi.rotateData(where.running, tenant));
    terminal.out(summary(done));
    terminal.out(listText(await allProviderKeys((after) => keysApi.providerKeys(where.running, tenant, after))));
    return;
  }
  const { rotated, providerKeys } = await onStopped(rotateStoppedData(where.stopped, tenant, where.log));
  terminal.out(summary(rotated));
  terminal.out(listText(providerKeys));
}

/** Waits for this one; it goes on all the same when nobody waits. */
async function finished(keyhold: KeyholdApi, begun: RotationProgress): Promise<RotationProgress> {
  let progress = begun;
  while (progress.state === 'running') {
    await sleep(LOOK_EVERY_MS);
    progress = await keysApi.dataRotation(keyhold);
    if (progress.id !== begun.id) throw new StartError(1, 'Another rotation of data keys was begun meanwhile. GET /api/v1/platform/keys/data-rotation shows it.');
  }
  return progress;
}

function summary({ resealed, destroyedKeys, waiting, unreadable }: Pick<RotationProgress, 'resealed' | 'destroyedKeys' | 'waiting' | 'unreadable'>): string {
  const lines = [`${resealed} values are sealed under new data keys; ${destroyedKeys} old data keys are destroyed.`];
  if (waiting > 0) lines.push(`${waiting} values that were sealed before a vault got them are written there anew in the next minutes; their old data keys go after them.`);
  if (unreadable > 0) lines.push(`${unreadable} values could not be opened. They stay as they are, and so do the data keys that they name.`);
  return `${lines.join('\n')}\n\n`;
}

function listText(keys: readonly ProviderKey[]): string {
  if (keys.length === 0) return 'No provider key was sealed in the database.\n';
  const rows = keys.map(({ tenant, service, label, state, hints }) => [
    tenant ?? '(platform)',
    service,
    label,
    state,
    Object.entries(hints).map(([field, hint]) => (hint === '' ? field : `${field} …${hint}`)).join(', '),
  ]);
  const table = [['TENANT', 'SERVICE', 'LABEL', 'STATE', 'FIELDS'], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => (row[column] ?? '').length)));
  const lines = table.map((row) => visibleText(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd()));
  return `Who had the old wrapping key and a copy of the database knows these keys. Replace each at its provider:\n\n${lines.join('\n')}\n`;
}
