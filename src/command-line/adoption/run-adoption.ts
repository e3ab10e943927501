import { callKeyhold, type KeyholdApi } from '../../adapters/keyhold-api/call-keyhold.ts';
import { type ItemDone, itemOverApi } from '../item-call.ts';
import { knownTenants } from '../known-tenants.ts';
import { requireFree } from '../report-file.ts';
import { reportRun } from '../report-run.ts';
import { runItems } from '../run-items.ts';
import { type ClientOptions, requiredKeyhold } from '../running-keyhold.ts';
import type { Terminal } from '../terminal.ts';
import type { AdoptionItem, AdoptionPlan } from './adoption-item.ts';

export interface AdoptionOptions extends ClientOptions {
  readonly dryRun?: boolean;
  readonly createTenants?: boolean;
  /** false: do not read what is adopted. */
  readonly read: boolean;
  readonly report?: string;
}

export interface AdoptionSourceOfItems {
  /** The command as it was given, without its options. */
  readonly command: string;
  readonly plan: (api: KeyholdApi) => Promise<AdoptionPlan>;
  /** What is to be said of the place that things were found in, once they are adopted. */
  readonly afterwards?: string;
}

/** Adopts what the source has, one audited request each, and tells what became of everything. Gives the exit status. */
export async function runAdoption(source: AdoptionSourceOfItems, options: AdoptionOptions, terminal: Terminal): Promise<number> {
  const startedAt = new Date().toISOString();
  const api = await requiredKeyhold(options);
  if (options.report !== undefined) requireFree(options.report);
  const tenants = await knownTenants(api);
  const { items, left } = await source.plan(api);
  const { results, ...ended } = await runItems(items, terminal, (item) => adopt(api, item, tenants, options));
  const legacy = results.filter(({ outcome, legacy: form }) => form !== undefined && (outcome === 'adopted' || outcome === 'already')).length;
  const advice = [
    ...(legacy === 0 ? [] : [`${legacy} kept as the earlier system has encrypted them. \`keyhold migrate legacy\` rewrites them into the store for new keys.`]),
    ...(source.afterwards === undefined || !results.some(({ outcome }) => outcome === 'adopted' || outcome === 'already') ? [] : [source.afterwards]),
  ];
  return reportRun({ command: source.command, dryRun: options.dryRun === true, startedAt, done: { results: [...results, ...left], ...ended }, advice, file: options.report }, terminal);
}

async function adopt(api: KeyholdApi, item: AdoptionItem, tenants: Set<string>, { dryRun = false, createTenants = false, read }: AdoptionOptions): Promise<ItemDone> {
  const { tenant } = item;
  if (tenant !== null && !tenants.has(tenant)) {
    if (!createTenants) return { outcome: 'refused', reason: `There is no tenant ${tenant}. Make it, or have all that are missing made: --create-tenants.` };
    if (dryRun) return { outcome: 'adoptable', warnings: [`The tenant ${tenant} would be made first. The value was not read.`] };
    await callKeyhold(api, { method: 'POST', path: '/api/v1/tenants', body: { id: tenant, name: tenant } });
    tenants.add(tenant);
  }
  return itemOverApi(api, item, dryRun ? 'adopt/preview' : 'adopt', { ...item.body, read });
}
