import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { callKeyhold, type KeyholdApi, unexpectedAnswer } from '../adapters/keyhold-api/call-keyhold.ts';
import { credentialsPath, itemOverApi } from './item-call.ts';
import { knownTenants } from './known-tenants.ts';
import { requireFree } from './report-file.ts';
import { reportRun } from './report-run.ts';
import { type ItemName, runItems } from './run-items.ts';
import { type ClientOptions, requiredKeyhold } from './running-keyhold.ts';
import type { Terminal } from './terminal.ts';

export interface MigrationOptions extends ClientOptions {
  readonly dryRun?: boolean;
  readonly report?: string;
}

const Credentials = Type.Object({
  items: Type.Array(Type.Object({ service: Type.String(), label: Type.String(), state: Type.String(), storedIn: Type.String(), legacy: Type.Optional(Type.String()) })),
  nextCursor: Type.Union([Type.Null(), Type.String()]),
});

/**
 * Rewrites every credential that an earlier system has encrypted into the store for new keys, one audited request each (R3.4). What is left is what the
 * records say, so that a run that died is simply followed by the next. Gives the exit status.
 */
export async function migrateLegacy({ dryRun = false, ...options }: MigrationOptions, terminal: Terminal): Promise<number> {
  const startedAt = new Date().toISOString();
  const api = await requiredKeyhold(options);
  if (options.report !== undefined) requireFree(options.report);
  const items = await legacyCredentials(api);
  const done = await runItems(items, terminal, (item) => itemOverApi(api, item, dryRun ? 'migrate/preview' : 'migrate'));
  const isDone = !dryRun && done.error === undefined && done.results.every(({ outcome }) => outcome === 'migrated' || outcome === 'already');
  const advice = isDone
    ? [
        items.length === 0 ? 'No credential is kept as an earlier system has encrypted it.' : 'Nothing is left of what the earlier system has encrypted; the old values leave their stores within minutes.',
        'Remove KEYHOLD_LEGACY_KEY and KEYHOLD_FERNET_KEYS from Keyhold\'s configuration when nothing else is to be adopted.',
      ]
    : [];
  return reportRun({ command: 'migrate legacy', dryRun, startedAt, done, advice, file: options.report }, terminal);
}

/** Of the platform and every tenant, by what the records say. A deleted or revoked one is on its way out. */
async function legacyCredentials(api: KeyholdApi): Promise<readonly ItemName[]> {
  const found: ItemName[] = [];
  for (const tenant of [null, ...(await knownTenants(api))]) {
    let cursor: string | null = null;
    do {
      const page = await callKeyhold(api, { method: 'GET', path: `${credentialsPath(tenant)}?limit=1000${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}` });
      if (!Value.Check(Credentials, page)) throw unexpectedAnswer(api);
      for (const { service, label, state, storedIn, legacy } of page.items) {
        if (legacy !== undefined && ['active', 'disabled', 'expired'].includes(state)) found.push({ from: storedIn, tenant, service, label });
      }
      cursor = page.nextCursor;
    } while (cursor !== null);
  }
  return found;
}
