import { createHash } from 'node:crypto';
import { createInProcessBus } from '../../src/adapters/bus/in-process.ts';
import { createMemoryStore } from '../../src/adapters/metadata-store/memory/memory-store.ts';
import { createMemorySecretStore } from '../../src/adapters/secret-store/memory/memory-secret-store.ts';
import type { Action } from '../../src/core/access/actions.ts';
import type { Actor } from '../../src/core/access/actor.ts';
import { Access } from '../../src/core/access/authorize.ts';
import type { Grant, UseGrant } from '../../src/core/access/grant.ts';
import type { AuditEntry, AuditLog } from '../../src/core/audit/audit-log.ts';
import { Catalog } from '../../src/core/catalog/catalog.ts';
import type { Service } from '../../src/core/catalog/service.ts';
import { credentialKey } from '../../src/core/credentials/credential-key.ts';
import { credentialParts } from '../../src/core/credentials/credential-parts.ts';
import { CredentialService } from '../../src/core/credentials/credential-service.ts';
import { OutsideChanges } from '../../src/core/credentials/outside-changes.ts';
import { Reconciler } from '../../src/core/credentials/reconciler.ts';
import type { CredentialStep, StepHook } from '../../src/core/credentials/steps.ts';
import { Resolver } from '../../src/core/resolution/resolver.ts';
import { SharedValues } from '../../src/core/resolution/shared-values.ts';
import { Sources } from '../../src/core/outages/sources.ts';
import { watchedStore } from '../../src/core/outages/watched-store.ts';
import { WaitingValues } from '../../src/core/stores/waiting-values.ts';
import type { IfMatch } from '../../src/core/versions/etag.ts';
import { breakableDatabase } from './breakable-database.ts';
import type { Clock, RandomBytes } from '../../src/ports/clock.ts';
import type { CredentialRecord } from '../../src/ports/metadata/credentials.ts';
import type { Stored } from '../../src/ports/metadata/stored.ts';
import type { Metrics } from '../../src/ports/metrics.ts';
import { platformScope, type Scope, tenantScope } from '../../src/ports/scope.ts';
import type { SecretStore, StoreId, StoreKind } from '../../src/ports/secret-store.ts';
import { SecretValue } from '../../src/ports/secret-value.ts';
import type { SharedCache } from '../../src/ports/shared-cache.ts';
import { RecordingLog } from './recording-log.ts';

/** Time that a test moves. */
export class TestClock implements Clock {
  #now = 1_800_000_000_000;
  #monotonic = 0;

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  advance(ms: number): void {
    this.#now += ms;
    this.#monotonic += ms;
  }

  /** The clock on the wall is set, forward or back. */
  jump(ms: number): void {
    this.#now += ms;
  }
}

/** Rows as they were asked for. */
class RecordingAudit implements AuditLog {
  readonly intents: AuditEntry[] = [];
  fails: Error | undefined;

  async intent(entry: AuditEntry): Promise<string> {
    if (this.fails !== undefined) throw this.fails;
    this.intents.push(entry);
    return `row-${this.intents.length}`;
  }

  async outcome(): Promise<void> {}

  async denied(): Promise<void> {}

  signInFailed(): void {}

  async list(): Promise<{ readonly items: readonly never[]; readonly next: undefined }> {
    return { items: [], next: undefined };
  }

  countOf(action: Action): number {
    return this.intents.filter((intent) => intent.action === action).length;
  }
}

export const noMetrics: Metrics = {
  gatewayRequest() {},
  openRequests() {},
  controlRequest() {},
  storeRead() {},
  cache() {},
  valuesWaiting() {},
  servedStale() {},
  journalPending() {},
  auditFailed() {},
  budgetAlert() {},
  bus() {},
  busConnected() {},
  busDelivery() {},
  async render() {
    return { contentType: 'text/plain', body: '' };
  },
};

function service(id: string, more: Partial<Service>): Service {
  return { id, name: id, category: 'AI/LLM', fields: [{ name: 'api_key', required: true }], settings: [], gateway: null, ...more };
}

export const testServices = {
  openai: service('openai', { name: 'OpenAI', fields: [{ name: 'api_key', required: true, format: '^sk-', environment: 'OPENAI_API_KEY' }] }),
  azure: service('azure-openai', {
    fields: [{ name: 'api_key', required: true, environment: 'AZURE_OPENAI_API_KEY' }],
    settings: [
      { name: 'endpoint', kind: 'https-url', required: true, hostSuffixes: ['.openai.azure.com'] },
      { name: 'deploymentMappings', kind: 'text-map', required: false },
    ],
  }),
  twilio: service('twilio', {
    category: 'Communication',
    fields: [
      { name: 'account_sid', required: true, environment: 'TWILIO_ACCOUNT_SID' },
      { name: 'auth_token', required: true, environment: 'TWILIO_AUTH_TOKEN' },
      { name: 'region_hint', required: false },
    ],
  }),
} satisfies Record<string, Service>;

/** Repeatable bytes that look random. */
export function repeatableRandom(): RandomBytes {
  let counter = 0;
  return (count) => {
    const chunks: Buffer[] = [];
    for (let have = 0; have < count; have += 32) {
      counter += 1;
      chunks.push(createHash('sha256').update(`test randomness ${counter}`).digest());
    }
    return Buffer.concat(chunks).subarray(0, count);
  };
}

/** Thrown by the step hook of a world to end an operation as a crash would. */
export class Crash extends Error {}

const admin: Actor = { kind: 'token', id: 'tok-admin', role: 'tenant-admin', scope: tenantScope('acme') };
const platformAdmin: Actor = { kind: 'token', id: 'tok-platform', role: 'platform-admin', scope: platformScope };

export interface CredentialWorldOptions {
  /** Keeps the values instead of `world.store`, the one in memory. */
  readonly secretStore?: SecretStore | undefined;
  /** What `world.store` is; where it is not the encrypted database, `world.database` is beside it. */
  readonly home?: StoreKind;
  /** New values go to the encrypted database while `world.store` is away. */
  readonly fallback?: boolean;
  readonly log?: RecordingLog;
  /** Values and records serve so long when they cannot be read again; left out, how stores and database are is not looked at. */
  readonly staleLimitMs?: number | undefined;
  /** Where replicas share values from Vault. */
  readonly sharedCache?: SharedCache | undefined;
  /** The service's own keys are offered to tenants. */
  readonly offerEnvironmentKeys?: boolean;
}

/** Credentials, reconciler and resolver over the in-memory stores, as composed in the product. */
export function createCredentialWorld({ log = new RecordingLog(), secretStore, home = 'sealed', fallback = false, staleLimitMs, sharedCache, offerEnvironmentKeys = false }: CredentialWorldOptions = {}) {
  const clock = new TestClock();
  const random = repeatableRandom();
  const { metadata, state: databaseState } = breakableDatabase(createMemoryStore());
  const sources = staleLimitMs === undefined ? undefined : new Sources({ staleLimitMs, ping: () => metadata.ping(), clock, random, log, metrics: noMetrics });
  const store = createMemorySecretStore({ kind: home });
  const database = home === 'sealed' ? store : createMemorySecretStore();
  const bus = createInProcessBus();
  const audit = new RecordingAudit();
  const access = new Access({ clock, audit, tenants: { stateOf: () => 'active' }, seal: { isSealed: () => false } });
  const catalog = new Catalog(Object.values(testServices));
  const policy = { explicitKeys: true, platformFallback: true, adoptOutsideChanges: false };
  let stopAt: ((step: CredentialStep) => void | Promise<void>) | undefined;
  const step: StepHook = (at) => stopAt?.(at);
  /** By kind, those that are switched on. */
  const switchedOn = new Map<StoreId, SecretStore>([
    [database.kind, database],
    [store.kind, store],
    ...(secretStore === undefined ? [] : [[secretStore.kind, secretStore] as const]),
  ]);
  const stores = (id: StoreId): SecretStore | undefined => {
    const found = switchedOn.get(id);
    return found === undefined || sources === undefined ? found : watchedStore(found, sources.of(id, () => found.health()));
  };
  const waiting = new WaitingValues({ metrics: noMetrics, log });
  const shared = { records: metadata.credentials, stores, catalog, bus, clock, log, step, random, digestKey: Buffer.alloc(32, 1), waiting };
  const placing = (kind: StoreKind): CredentialService => new CredentialService({ ...shared, store: switchedOn.get(kind) ?? store, fallback: fallback && kind !== 'sealed' ? database : undefined });
  const credentials = placing((secretStore ?? store).kind);
  const reconciler = new Reconciler({ ...shared, maintenance: metadata.credentialMaintenance, access });
  /** The service's own keys, what a refresh makes of them, and what is thrown instead of either. */
  const environment = { keys: {} as Record<string, string>, read: undefined as Record<string, string> | undefined, fail: undefined as Error | undefined, staleMs: 0 };
  const ownKeys = {
    find: (name: string): SecretValue | undefined => {
      if (environment.fail !== undefined) throw environment.fail;
      const text = environment.keys[name];
      return text === undefined ? undefined : new SecretValue(text);
    },
    staleMs: () => environment.staleMs,
    refresh: async (): Promise<boolean> => {
      environment.keys = environment.read ?? environment.keys;
      return true;
    },
  };
  const policies = { policyOf: () => policy, staleMs: () => 0 };
  const parts = credentialParts(shared);
  const outside = new OutsideChanges({ parts, access, policies });
  /** Another process's, with the same bus, is another resolver. */
  const newResolver = (): Resolver => {
    const values = sharedCache === undefined ? undefined : new SharedValues({ cache: sharedCache, subkey: Buffer.alloc(32, 5), stores: new Set(['vault']), limitMs: staleLimitMs ?? 900_000, clock, random });
    const shared = values === undefined ? undefined : { values, records: metadata.credentials };
    return new Resolver({ records: metadata.credentials, access, stores, policies, ownKeys, offerEnvironmentKeys, bus, clock, log, metrics: noMetrics, sources, shared, outside });
  };

  const world = {
    clock,
    databaseState,
    sources,
    metadata,
    store,
    database,
    parts,
    switchedOn,
    waiting,
    bus,
    audit,
    access,
    catalog,
    policy,
    environment,
    outside,
    log,
    credentials,
    /** From now on new values go to this store, as after a start with another KEYHOLD_STORE. */
    storeIn: (kind: StoreKind): void => {
      world.credentials = placing(kind);
    },
    reconciler,
    resolver: newResolver(),
    newResolver,
    /** The operation's grant for a credential, as its route would get it. */
    as: <T>(action: Action, work: (grant: Grant) => Promise<T>, { service: id = 'openai', label, scope = tenantScope('acme') }: { service?: string; label?: string; scope?: Scope } = {}): Promise<T> => {
      const actor = scope.kind === 'platform' ? platformAdmin : admin;
      return access.perform(actor, action, { scope, service: id, ...(label === undefined ? {} : { label }) }, 'req-1', work);
    },
    put: (key: string, more: { label?: string; scope?: Scope; ifMatch?: IfMatch; expiresAt?: number | null } = {}) => {
      const { label, scope, ...request } = more;
      return world.as('credential.put', (grant) => world.credentials.put(grant, { fields: { api_key: key }, ...request }), {
        ...(label === undefined ? {} : { label }),
        ...(scope === undefined ? {} : { scope }),
      });
    },
    use: async (tenant = 'acme'): Promise<UseGrant> => {
      return access.authorizeUse({ kind: 'gateway-key', id: 'gw-1', role: 'gateway-key', scope: tenantScope(tenant) }, 'req-2');
    },
    /** The key that would be sent upstream. */
    served: async (tenant = 'acme'): Promise<string | undefined> => {
      const resolved = await world.resolver.resolve(await world.use(tenant), { service: testServices.openai });
      return resolved.fields['api_key']?.reveal();
    },
    record: async (label = 'default', scope: Scope = tenantScope('acme')): Promise<Stored<CredentialRecord> | undefined> => {
      return metadata.credentials.get(credentialKey({ scope, service: 'openai', label }));
    },
    /** From now on operations stop dead at this step, as by `kill -9`; undefined: nowhere. */
    crashAt: (at: CredentialStep | undefined): void => {
      stopAt = at === undefined ? undefined : (now) => {
        if (now === at) throw new Crash(at);
      };
    },
    /** From now on this is called at each step. */
    atSteps: (hook: StepHook | undefined): void => {
      stopAt = hook;
    },
    reconcile: ({ allOpenIntents = false }: { allOpenIntents?: boolean } = {}) => {
      return reconciler.runOnce({ allOpenIntents });
    },
  };
  return world;
}

export type CredentialWorld = ReturnType<typeof createCredentialWorld>;

/** The code of the error that the promise ends with; fails when it does not. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
  throw new Error('expected a failure');
}

