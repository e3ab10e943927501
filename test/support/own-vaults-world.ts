import { randomBytes } from 'node:crypto';
import { createInProcessBus } from '../../src/adapters/bus/in-process.ts';
import { createMemoryStore } from '../../src/adapters/metadata-store/memory/memory-store.ts';
import { createOwnVaultConnector } from '../../src/adapters/own-vault/connector.ts';
import { createMemorySecretStore } from '../../src/adapters/secret-store/memory/memory-secret-store.ts';
import { OwnVaultSecrets } from '../../src/core/own-vaults/own-vault-secrets.ts';
import { OwnVaults } from '../../src/core/own-vaults/own-vaults.ts';
import { fieldsDigest } from '../../src/core/crypto/digest.ts';
import { Egress, type Resolve } from '../../src/egress/egress.ts';
import type { OwnVaultSettings } from '../../src/ports/metadata/own-vaults.ts';
import type { OwnVaultConnector } from '../../src/ports/own-vault.ts';
import { type Scope, tenantScope } from '../../src/ports/scope.ts';
import { idOf, type SecretReference, type SecretStore } from '../../src/ports/secret-store.ts';
import { SecretValue } from '../../src/ports/secret-value.ts';
import { RecordingLog } from './recording-log.ts';
import { systemTime } from './vault-fixture.ts';

export interface ConnectorOptions {
  readonly allowHosts?: readonly string[];
  readonly resolve?: Resolve;
  readonly allowHttp?: boolean;
  /** The authority of a test server; null: Azure's own clouds. */
  readonly authorityHost?: string | null;
  readonly digestKey?: Buffer;
}

/** The real connector, with everything on this machine allowed unless told otherwise. */
export function testConnector({ allowHosts = ['127.0.0.1', 'localhost'], resolve, allowHttp = true, authorityHost = null, digestKey = Buffer.alloc(32, 1) }: ConnectorOptions = {}): { readonly connector: OwnVaultConnector; readonly log: RecordingLog } {
  const log = new RecordingLog();
  const connector = createOwnVaultConnector({
    egress: new Egress({ allowHosts, ...(resolve === undefined ? {} : { resolve }) }),
    azure: { isDisconnected: authorityHost !== null, authorityHost },
    allowHttp,
    digest: (_name, _version, fields) => fieldsDigest(digestKey, fields),
    clock: systemTime,
    random: randomBytes,
    log,
  });
  return { connector, log };
}

export interface OwnVaultsWorld {
  readonly ownVaults: OwnVaults;
  /** Registers the vault for a tenant, past the service; its store. */
  register(tenant: string, settings: OwnVaultSettings, secret: string): Promise<SecretStore>;
  close(): Promise<void>;
}

/** Tenants' own vaults over records in memory. */
export function createOwnVaultsWorld(connector: OwnVaultConnector): OwnVaultsWorld {
  const { ownVaults: records } = createMemoryStore();
  const bus = createInProcessBus();
  const secrets = new OwnVaultSecrets({ sealed: createMemorySecretStore(), values: { list: async () => ({ items: [], next: undefined }) }, random: randomBytes });
  const ownVaults = new OwnVaults({ records, secrets, connector, around: (store) => store, bus, clock: systemTime, log: new RecordingLog() });
  return {
    ownVaults,
    register: async (tenant, settings, secret) => {
      const record = { tenant, id: randomBytes(8).toString('hex'), state: 'active', takesNew: true, settings, secret: await secrets.keep(tenant, new SecretValue(secret)), createdAt: 0, updatedAt: 0, changedBy: 'test' } as const;
      const before = await records.get({ tenant });
      const after = before === undefined ? await records.create({ tenant }, record) : await records.replace({ tenant }, record, before.revision);
      await bus.publish({ topic: 'own-vault', tenant, version: after.revision });
      const store = await ownVaults.storeFor(tenantScope(tenant));
      if (store === undefined) throw new Error('The vault was not registered.');
      return store;
    },
    close: () => ownVaults.close(),
  };
}

/** All tenants' own vaults as one store, as the product finds them by the name: each is registered when it is first met. What is the platform's lies elsewhere. */
export function everyTenantsVault(world: OwnVaultsWorld, kind: SecretStore['kind'], settings: OwnVaultSettings, secret: string): SecretStore {
  const elsewhere = createMemorySecretStore({ kind });
  const stores = new Map<string, Promise<SecretStore>>();
  const ready = new Map<string, SecretStore>();
  const of = (scope: Scope): Promise<SecretStore> => {
    if (scope.kind === 'platform') return Promise.resolve(elsewhere);
    const { tenant } = scope;
    const found =
      stores.get(tenant) ??
      world.register(tenant, settings, secret).then((store) => {
        ready.set(tenant, store);
        return store;
      });
    stores.set(tenant, found);
    return found;
  };
  /** The suite puts other tenants' names into references, which then are into those tenants' vaults. */
  const on = async <T>(reference: SecretReference, work: (store: SecretStore, theirs: SecretReference) => Promise<T>): Promise<T> => {
    const store = await of(reference.name.scope);
    return work(store, { ...reference, store: idOf(store) });
  };
  return {
    kind,
    capabilities: { destroyVersion: kind === 'vault' },
    put: async (name, ...rest) => (await of(name.scope)).put(name, ...rest),
    get: (reference) => on(reference, (store, theirs) => store.get(theirs)),
    probe: async (name, intent) => (await of(name.scope)).probe(name, intent),
    giveUp: async (name, intent) => (await of(name.scope)).giveUp?.(name, intent),
    ...(kind === 'azure-key-vault'
      ? {
          traceOf: (name, intent) => {
            const trace = name.scope.kind === 'tenant' ? ready.get(name.scope.tenant)?.traceOf?.(name, intent) : undefined;
            if (trace === undefined) throw new Error('There is no such vault yet.');
            return trace;
          },
        }
      : {}),
    newerThan: (reference) => on(reference, async (store, theirs) => store.newerThan?.(theirs)),
    newestBase: async (name) => (await (await of(name.scope)).newestBase?.(name)) ?? null,
    newest: async (name) => (await of(name.scope)).newest?.(name),
    remove: (reference) => on(reference, (store, theirs) => store.remove(theirs)),
    restore: (reference) => on(reference, (store, theirs) => store.restore(theirs)),
    destroy: (reference) => on(reference, (store, theirs) => store.destroy(theirs)),
    health: async () => ({ connected: true, latencyMs: 0 }),
  };
}
