import type { Bus } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import { asKeyholdError } from '../../ports/errors.ts';
import type { Log } from '../../ports/log.ts';
import type { OwnVaultRecord, OwnVaultRepository } from '../../ports/metadata/own-vaults.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import type { OwnVaultConnection, OwnVaultConnector } from '../../ports/own-vault.ts';
import type { Scope } from '../../ports/scope.ts';
import { type OwnStoreId, ownVaultOf, type SecretStore, type StoreId, StoreUntouched } from '../../ports/secret-store.ts';
import { RecordCache } from '../caching/record-cache.ts';
import type { OwnVaultSecrets } from './own-vault-secrets.ts';
import { OwnVaultGone, ownVaultStore } from './own-vault-store.ts';

const TTL_MS = 10_000;
const MAX_RECORDS = 10_000;
/** Connections that are kept open at once, and for how long without use. */
const MAX_OPEN = 200;
const IDLE_MS = 10 * 60 * 1000;
/** A call that is under way on a connection that another one replaces ends by then (S20: 5 s). */
const LAST_CALLS_MS = 6_000;

export interface OwnVaultsDependencies {
  readonly records: OwnVaultRepository;
  readonly secrets: OwnVaultSecrets;
  readonly connector: OwnVaultConnector;
  /** What stands around every store of the installation as well (R3.6). */
  readonly around: (store: SecretStore) => SecretStore;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
}

interface Open {
  readonly revision: number;
  readonly connection: Promise<OwnVaultConnection>;
  usedAt: number;
}

/** The vaults that tenants have brought, as stores for their credentials: each opened when it is needed, with its tenant's credential alone (S20). */
export class OwnVaults {
  readonly #dependencies: OwnVaultsDependencies;
  readonly #cache: RecordCache<Stored<OwnVaultRecord> | null>;
  readonly #open = new Map<string, Open>();

  constructor(dependencies: OwnVaultsDependencies) {
    const { clock, bus } = dependencies;
    this.#dependencies = dependencies;
    this.#cache = new RecordCache({ clock, ttlMs: TTL_MS, max: MAX_RECORDS, bus });
    bus.subscribe((message) => {
      if (message.topic === 'own-vault') this.#cache.invalidate(message.tenant);
      // What a tenant's vault is opened with leaves memory with the tenant.
      if (message.topic === 'own-vault' || message.topic === 'tenant') this.#drop(message.tenant);
    });
  }

  /** The store of this id; undefined where it is one of the installation's. */
  storeOf(id: StoreId): SecretStore | undefined {
    return isOwn(id) ? this.#store(id) : undefined;
  }

  /** Where this scope's new values go, if that is a vault of its own. */
  async storeFor(scope: Scope): Promise<SecretStore | undefined> {
    if (scope.kind === 'platform') return undefined;
    const stored = await this.#recordOf(scope.tenant);
    return stored === null || !stored.record.takesNew ? undefined : this.#store(ownStoreId(stored.record));
  }

  async close(): Promise<void> {
    const open = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(open.map(async ({ connection }) => (await connection).close().catch(() => undefined)));
  }

  #store(id: OwnStoreId): SecretStore {
    const { connector, around, log } = this.#dependencies;
    return around(ownVaultStore({ id, connector, log, open: ({ forNew = false } = {}) => this.#opened(id, forNew) }));
  }

  async #opened(id: OwnStoreId, forNew: boolean): Promise<SecretStore> {
    const tenant = ownVaultOf(id)?.tenant ?? '';
    const stored = await this.#recordOf(tenant);
    if (stored === null || ownStoreId(stored.record) !== id) {
      if (forNew) throw new StoreUntouched('The tenant\'s own vault was replaced or removed just then, and nothing was stored. Send the request again.', { retryAfterSeconds: 1 });
      throw new OwnVaultGone();
    }
    if (forNew && stored.record.state === 'closing') throw new StoreUntouched('The tenant\'s own vault is being removed, and nothing was stored. Send the request again.', { retryAfterSeconds: 1 });
    return (await this.#connection(tenant, stored)).store;
  }

  async #recordOf(tenant: string): Promise<Stored<OwnVaultRecord> | null> {
    return this.#cache.get(tenant, async () => {
      const stored = await this.#dependencies.records.get({ tenant });
      // Without its revision, which a removal would take back.
      return { value: stored ?? null, version: 0 };
    });
  }

  #connection(tenant: string, stored: Stored<OwnVaultRecord>): Promise<OwnVaultConnection> {
    const now = this.#dependencies.clock.monotonic();
    const present = this.#open.get(tenant);
    if (present?.revision === stored.revision) {
      present.usedAt = now;
      return present.connection;
    }
    this.#drop(tenant);
    this.#dropUnused(now);
    const open: Open = { revision: stored.revision, usedAt: now, connection: this.#connect(stored.record) };
    this.#open.set(tenant, open);
    open.connection.catch(() => {
      if (this.#open.get(tenant) === open) this.#open.delete(tenant);
    });
    return open.connection;
  }

  async #connect(record: OwnVaultRecord): Promise<OwnVaultConnection> {
    const { secrets, connector } = this.#dependencies;
    const secret = await secrets.open(record).catch((error: unknown) => {
      const { code } = asKeyholdError(error);
      // Its tenant was shredded: nobody can open this vault from here any more.
      throw code === 'not_found' || code === 'corrupt' ? new OwnVaultGone(error) : error;
    });
    return connector.open({ tenant: record.tenant, settings: record.settings, secret });
  }

  #dropUnused(now: number): void {
    const byUse = [...this.#open].toSorted(([, a], [, b]) => a.usedAt - b.usedAt);
    for (const [index, [tenant, { usedAt }]] of byUse.entries()) {
      if (byUse.length - index >= MAX_OPEN || now - usedAt > IDLE_MS) this.#drop(tenant);
    }
  }

  #drop(tenant: string): void {
    const open = this.#open.get(tenant);
    if (open === undefined) return;
    this.#open.delete(tenant);
    const close = async (): Promise<void> => {
      await (await open.connection).close();
    };
    setTimeout(() => void close().catch(() => undefined), LAST_CALLS_MS).unref();
  }
}

export function ownStoreId({ tenant, id, settings: { kind } }: Pick<OwnVaultRecord, 'tenant' | 'id' | 'settings'>): OwnStoreId {
  return `${kind}:${tenant}/${id}`;
}

function isOwn(id: StoreId): id is OwnStoreId {
  return ownVaultOf(id) !== undefined;
}
