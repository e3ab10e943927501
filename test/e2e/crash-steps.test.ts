import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CredentialStep, credentialSteps } from '../../src/core/credentials/steps.ts';
import { type ApiAnswer, handOver, makeTenant, type TestTenant } from '../support/api.ts';
import { localServices } from '../support/local-services.ts';
import { type Product, startProduct, temporaryFolder } from '../support/product.ts';
import { type ProviderServer, startProviderServer } from '../support/servers/provider-server.ts';
import { chainProblems, pendingIn, readStoredState } from '../support/stored-state.ts';

const entry = fileURLToPath(new URL('../support/serve-stopping-at.ts', import.meta.url));

const FIRST = 'sk-test-first-key-0001';
const SECOND = 'sk-test-second-key-0002';

/** One tenant, one credential of it, and the operations on it. */
interface Case {
  readonly tenant: TestTenant;
  readonly put: (key: string) => Promise<ApiAnswer>;
  readonly patch: (changes: Readonly<Record<string, unknown>>) => Promise<ApiAnswer>;
  readonly remove: () => Promise<ApiAnswer>;
  readonly post: (operation: 'revoke' | 'recover' | 'purge') => Promise<ApiAnswer>;
}

/** What the credential is after the next start: its state and the key it serves with. */
interface Standing {
  readonly state: 'none' | 'active' | 'disabled' | 'deleted' | 'revoked';
  readonly key: string | null;
}

const none: Standing = { state: 'none', key: null };
const first: Standing = { state: 'active', key: FIRST };
const second: Standing = { state: 'active', key: SECOND };
const deleted: Standing = { state: 'deleted', key: null };
const revoked: Standing = { state: 'revoked', key: null };

interface Scenario {
  readonly name: string;
  readonly before: (credential: Case) => Promise<unknown>;
  readonly act: (credential: Case) => Promise<unknown>;
  /** An operation that has begun before, and stands still at `step`. */
  readonly held?: { readonly act: (credential: Case) => Promise<unknown>; readonly step: CredentialStep };
  /** What must come of it when the process dies at that step. */
  readonly outcomes: Readonly<Partial<Record<CredentialStep, Standing>>>;
  /** Once more, dying at each of these steps of the start after a death at the step named first. */
  readonly again?: readonly (readonly [step: CredentialStep, inTheStart: CredentialStep])[];
}

const hasFirst = (credential: Case): Promise<unknown> => credential.put(FIRST);
const nothing = async (): Promise<void> => {};
const finish = (...steps: CredentialStep[]): [CredentialStep, CredentialStep][] =>
  steps.flatMap((step): [CredentialStep, CredentialStep][] => [[step, 'finish.stored'], [step, 'finish.committed']]);

const scenarios: readonly Scenario[] = [
  {
    name: 'a first put',
    before: nothing,
    act: ({ put }) => put(FIRST),
    outcomes: { 'put.begun': none, 'put.stored': first, 'put.committed': first, 'put.announced': first },
    again: finish('put.begun'),
  },
  {
    name: 'a replacing put',
    before: hasFirst,
    act: ({ put }) => put(SECOND),
    outcomes: { 'put.begun': first, 'put.stored': second, 'put.committed': second, 'put.announced': second },
    again: finish('put.begun', 'put.stored'),
  },
  {
    name: 'a put over a deleted credential',
    before: async ({ put, remove }) => {
      await put(FIRST);
      await remove();
    },
    act: ({ put }) => put(SECOND),
    outcomes: { 'put.begun': deleted, 'put.stored': second, 'put.committed': second },
  },
  {
    name: 'a put over a revoked credential',
    before: async ({ put, post }) => {
      await put(FIRST);
      await post('revoke');
    },
    act: ({ put }) => put(SECOND),
    outcomes: { 'put.begun': revoked, 'put.stored': second, 'put.committed': second },
  },
  {
    name: 'a removal',
    before: hasFirst,
    act: ({ remove }) => remove(),
    outcomes: { 'remove.begun': deleted, 'remove.announced': deleted, 'remove.stored': deleted, 'remove.committed': deleted },
    again: finish('remove.announced'),
  },
  {
    name: 'a recovery',
    before: async ({ put, remove }) => {
      await put(FIRST);
      await remove();
    },
    act: ({ post }) => post('recover'),
    outcomes: { 'recover.begun': first, 'recover.stored': first, 'recover.committed': first },
    again: finish('recover.begun'),
  },
  {
    name: 'an update that disables',
    before: hasFirst,
    act: ({ patch }) => patch({ disabled: true }),
    outcomes: { 'update.committed': { state: 'disabled', key: null } },
  },
  {
    name: 'a revocation',
    before: async ({ put }) => {
      await put(SECOND);
      await put(FIRST);
    },
    act: ({ post }) => post('revoke'),
    outcomes: { 'revoke.committed': revoked, 'revoke.announced': revoked, 'leftovers.destroyed': revoked },
    again: [['revoke.committed', 'leftovers.destroyed']],
  },
  {
    name: 'a revocation that does not wait for a put that has stored its value',
    before: hasFirst,
    held: { act: ({ put }) => put(SECOND), step: 'put.stored' },
    act: ({ post }) => post('revoke'),
    outcomes: { 'revoke.committed': revoked, 'revoke.announced': revoked },
    again: finish('revoke.committed'),
  },
  {
    name: 'a revocation that does not wait for a put that has stored nothing',
    before: hasFirst,
    held: { act: ({ put }) => put(SECOND), step: 'put.begun' },
    act: ({ post }) => post('revoke'),
    outcomes: { 'revoke.committed': revoked },
  },
  {
    name: 'a purge',
    before: async ({ put, remove }) => {
      await put(FIRST);
      await remove();
    },
    act: ({ post }) => post('purge'),
    outcomes: { 'purge.committed': none, 'purge.announced': none, 'leftovers.destroyed': none },
    again: [['purge.committed', 'leftovers.destroyed']],
  },
];

interface Death {
  readonly title: string;
  readonly scenario: Scenario;
  readonly step: CredentialStep;
  readonly inTheStart: CredentialStep | undefined;
  readonly standing: Standing;
}

const deaths: readonly Death[] = scenarios.flatMap((scenario) => {
  const steps: readonly (readonly [CredentialStep, CredentialStep | undefined])[] = [
    ...credentialSteps.filter((step) => scenario.outcomes[step] !== undefined).map((step) => [step, undefined] as const),
    ...(scenario.again ?? []),
  ];
  return steps.map(([step, inTheStart]) => {
    const standing = scenario.outcomes[step];
    if (standing === undefined) throw new Error(`${scenario.name} says nothing of ${step}.`);
    const title = `${scenario.name}, killed at ${step}${inTheStart === undefined ? '' : `, then at ${inTheStart} of the next start`}: ${standing.state}${standing.key === null ? '' : `, ${standing.key}`}`;
    return { title, scenario, step, inTheStart, standing };
  });
});

// One data folder for all of them, a tenant for each: the start that shows what became of one is the process that the next one kills.
let provider: ProviderServer;
let dataDir: string;
let product: Product | undefined;
let tenants = 0;
const standings: { readonly credential: () => Promise<Standing>; readonly title: string; readonly expected: Standing }[] = [];

async function arm(...lines: readonly string[]): Promise<void> {
  await writeFile(join(dataDir, 'stop-at'), lines.join('\n'));
}

async function start(): Promise<Product> {
  return startProduct({ dataDir, entry, env: { ...localServices(provider, ['openai']), TEST_STOP_FILE: join(dataDir, 'stop-at') } });
}

async function running(): Promise<Product> {
  if (product === undefined || product.process.exitCode !== null || product.process.signalCode !== null) {
    await arm();
    product = await start();
  }
  return product;
}

function caseOf(tenant: TestTenant): Case {
  const path = `/api/v1/tenants/${tenant.id}/credentials/openai`;
  return {
    tenant,
    put: (key) => handOver(tenant, 'openai', key),
    patch: (changes) => tenant.admin.must('PATCH', path, changes),
    remove: () => tenant.admin.must('DELETE', path),
    post: (operation) => tenant.admin.must('POST', `${path}/${operation}`),
  };
}

/** What the API says of the tenant's credential, and which key the provider gets. */
async function standingOf(url: string, { id, admin, gatewayKey }: TestTenant): Promise<Standing> {
  const view = await fetch(`${url}/api/v1/tenants/${id}/credentials/openai`, { headers: { authorization: `Bearer ${admin.token}` } });
  const { state } = (await view.json()) as { readonly state?: Standing['state'] };
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gatewayKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-local', messages: [{ role: 'user', content: 'Hello' }] }),
  });
  const text = await answer.text();
  if (answer.status !== 200 && answer.status !== 424) throw new Error(`The gateway answered ${answer.status} ${text}`);
  return { state: view.status === 404 ? 'none' : (state ?? 'none'), key: answer.status === 200 ? (provider.requests.at(-1)?.key ?? null) : null };
}

beforeAll(async () => {
  provider = await startProviderServer();
  dataDir = await temporaryFolder();
});

afterAll(async () => {
  await product?.kill();
  await provider.close();
  await rm(dataDir, { recursive: true, force: true });
});

describe('kill -9 at each step of a credential\'s write, and the start that finishes it', () => {
  it.each(deaths)('$title', async ({ title, scenario, step, inTheStart, standing }) => {
    const victim = await running();
    tenants += 1;
    const tenant = await makeTenant(victim, `tenant-${tenants}`);
    const credential = caseOf(tenant);
    await scenario.before(credential);
    if (scenario.held !== undefined) {
      await arm(`hold ${scenario.held.step}`);
      void scenario.held.act(credential).catch(() => undefined);
      await untilHeld(tenant.id, scenario.held.step === 'put.stored' ? 2 : 1);
    }
    await arm(`stop ${step}`, ...(scenario.held === undefined ? [] : [`hold ${scenario.held.step}`]));
    await expect(scenario.act(credential)).rejects.toThrow();
    expect(await victim.exited).toEqual({ code: null, signal: 'SIGKILL' });
    if (inTheStart !== undefined) {
      await arm(`stop ${inTheStart}`);
      await expect(start()).rejects.toThrow(/ended before it (was ready|listened)/);
    }

    await arm();
    product = await start();
    const { url } = product;
    expect(pendingIn(readStoredState(dataDir))).toEqual([]);
    expect(await standingOf(url, tenant)).toEqual(standing);
    standings.push({ title, expected: standing, credential: async () => standingOf((await running()).url, tenant) });
  });

  it('all of them are as they were after one more start, in a log whose chains are whole', async () => {
    expect(await (await running()).stop()).toEqual({ code: 0, signal: null });
    for (const { title, credential, expected } of standings) expect(await credential(), title).toEqual(expected);
    expect(await (await running()).stop()).toEqual({ code: 0, signal: null });
    const state = readStoredState(dataDir);
    expect(pendingIn(state)).toEqual([]);
    expect(chainProblems(state)).toEqual([]);
    for (const { scope, label } of state.credentials) expect({ kind: scope.kind, label }).toEqual({ kind: 'tenant', label: 'default' });
  });

  it('passes every step that there is here: those of a move between stores, and of an adoption, have tests of their own', () => {
    const elsewhere = credentialSteps.filter((step) => step.startsWith('move.') || step.startsWith('adopt.'));
    expect(new Set([...deaths.flatMap(({ step, inTheStart }) => [step, ...(inTheStart === undefined ? [] : [inTheStart])]), ...elsewhere])).toEqual(new Set(credentialSteps));
  });
});

/** The second put has written its intent, and has so many values in the store. */
async function untilHeld(tenant: string, values: number): Promise<void> {
  for (;;) {
    const { credentials, sealedValues } = readStoredState(dataDir);
    const record = credentials.find(({ scope }) => scope.kind === 'tenant' && scope.tenant === tenant);
    if ((record?.intent ?? null) !== null && sealedValues.filter(({ name }) => name.startsWith(`tenant:${tenant}/`)).length === values) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
