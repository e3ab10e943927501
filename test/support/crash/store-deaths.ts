import { fileURLToPath } from 'node:url';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CredentialStep } from '../../../src/core/credentials/steps.ts';
import { type ApiAnswer, apiOf, handOver, type TestTenant } from '../api.ts';
import type { Product } from '../product.ts';
import type { StoreWorld } from '../store-world.ts';
import { readStoredState } from '../stored-state.ts';

/** The entry of a Keyhold that dies where `arm` says. */
export const stoppingEntry = fileURLToPath(new URL('../serve-stopping-at.ts', import.meta.url));
export const FIRST = 'sk-test-first-key-0001';
export const SECOND = 'sk-test-second-key-0002';

/** One tenant's credential, and what is done to it. */
export class Slot {
  readonly tenant: TestTenant;
  readonly #path: string;
  readonly #product: () => Pick<Product, 'url'>;

  constructor(tenant: TestTenant, product: () => Pick<Product, 'url'>) {
    this.tenant = tenant;
    this.#product = product;
    this.#path = `/api/v1/tenants/${tenant.id}/credentials/openai`;
  }

  put(key: string): Promise<ApiAnswer> {
    return handOver(this.tenant, 'openai', key);
  }

  remove(): Promise<ApiAnswer> {
    return this.tenant.admin.must('DELETE', this.#path);
  }

  post(operation: 'revoke' | 'recover' | 'purge'): Promise<ApiAnswer> {
    return this.tenant.admin.must('POST', `${this.#path}/${operation}`);
  }

  /** After a start, on the new one's address. */
  async state(): Promise<unknown> {
    const answer = await apiOf(this.#product().url, this.tenant.admin.token).call('GET', this.#path);
    return answer.status === 404 ? 'none' : answer.body['state'];
  }
}

export interface Standing {
  readonly state: 'none' | 'active' | 'deleted' | 'revoked';
  /** With which key it serves. */
  readonly key: string | null;
}

export const none: Standing = { state: 'none', key: null };
export const first: Standing = { state: 'active', key: FIRST };
export const second: Standing = { state: 'active', key: SECOND };
const deleted: Standing = { state: 'deleted', key: null };
const revoked: Standing = { state: 'revoked', key: null };

interface Scenario {
  readonly name: string;
  readonly before: (slot: Slot) => Promise<unknown>;
  readonly act: (slot: Slot) => Promise<unknown>;
  readonly outcomes: Readonly<Partial<Record<CredentialStep, Standing>>>;
  /** A put that has begun before, and stands still at this step. */
  readonly held?: CredentialStep;
}

const scenarios: readonly Scenario[] = [
  {
    name: 'a first put',
    before: async () => {},
    act: (slot) => slot.put(FIRST),
    outcomes: { 'put.begun': none, 'put.stored': first, 'put.committed': first, 'put.announced': first },
  },
  {
    name: 'a replacing put',
    before: (slot) => slot.put(FIRST),
    act: (slot) => slot.put(SECOND),
    outcomes: { 'put.begun': first, 'put.stored': second, 'put.committed': second, 'put.announced': second },
  },
  {
    name: 'a put over a revoked credential',
    before: async (slot) => {
      await slot.put(FIRST);
      await slot.post('revoke');
    },
    act: (slot) => slot.put(SECOND),
    outcomes: { 'put.begun': revoked, 'put.stored': second },
  },
  {
    name: 'a put over a deleted credential',
    before: async (slot) => {
      await slot.put(FIRST);
      await slot.remove();
    },
    act: (slot) => slot.put(SECOND),
    outcomes: { 'put.begun': deleted, 'put.stored': second },
  },
  {
    name: 'a removal',
    before: (slot) => slot.put(FIRST),
    act: (slot) => slot.remove(),
    outcomes: { 'remove.begun': deleted, 'remove.announced': deleted, 'remove.stored': deleted, 'remove.committed': deleted },
  },
  {
    name: 'a recovery',
    before: async (slot) => {
      await slot.put(FIRST);
      await slot.remove();
    },
    act: (slot) => slot.post('recover'),
    outcomes: { 'recover.begun': first, 'recover.stored': first, 'recover.committed': first },
  },
  {
    name: 'a revocation',
    before: async (slot) => {
      await slot.put(SECOND);
      await slot.put(FIRST);
    },
    act: (slot) => slot.post('revoke'),
    outcomes: { 'revoke.committed': revoked, 'revoke.announced': revoked, 'leftovers.destroyed': revoked },
  },
  {
    name: 'a revocation that does not wait for a put that has stored its value',
    before: (slot) => slot.put(FIRST),
    held: 'put.stored',
    act: (slot) => slot.post('revoke'),
    outcomes: { 'revoke.committed': revoked },
  },
  {
    name: 'a revocation that does not wait for a put that has stored nothing',
    before: (slot) => slot.put(FIRST),
    held: 'put.begun',
    act: (slot) => slot.post('revoke'),
    outcomes: { 'revoke.committed': revoked },
  },
  {
    name: 'a purge',
    before: async (slot) => {
      await slot.put(FIRST);
      await slot.remove();
    },
    act: (slot) => slot.post('purge'),
    outcomes: { 'purge.committed': none, 'purge.announced': none, 'leftovers.destroyed': none },
  },
];

/** Every step of every operation at which the process can die, and how the credential stands after the next start. */
export const deaths = scenarios.flatMap((scenario) =>
  Object.entries(scenario.outcomes).map(([step, standing]) => ({ title: `${scenario.name}, killed at ${step}: ${standing.state}${standing.key === null ? '' : `, ${standing.key}`}`, scenario, step, standing })),
);

/** `stop put.stored`: the process dies there. `hold put.stored`: the operation stands still there. */
export async function arm({ dataDir }: Pick<StoreWorld, 'dataDir'>, ...lines: readonly string[]): Promise<void> {
  await writeFile(stopFile({ dataDir }), lines.join('\n'));
}

export function stopFile({ dataDir }: Pick<StoreWorld, 'dataDir'>): string {
  return join(dataDir, 'stop-at');
}

export async function standingOf(world: StoreWorld, slot: Slot): Promise<Standing> {
  const [state, asked] = [await slot.state(), await world.ask(slot.tenant.gatewayKey)];
  if (asked.status !== 200 && asked.status !== 424) throw new Error(`The gateway answered ${asked.status}.`);
  return { state: state as Standing['state'], key: asked.key };
}

export function hasIntent({ dataDir }: Pick<StoreWorld, 'dataDir'>, { tenant }: Slot): boolean {
  return readStoredState(dataDir).credentials.some(({ scope, intent }) => scope.kind === 'tenant' && scope.tenant === tenant.id && intent !== null);
}
