import { createOwnVaultConnector } from './adapters/own-vault/connector.ts';
import { egressOf } from './compose-egress.ts';
import type { Config } from './config/config.ts';
import { systemActor } from './core/access/actor.ts';
import type { Access } from './core/access/authorize.ts';
import { credentialDigest } from './core/credentials/credential-digest.ts';
import type { CredentialParts } from './core/credentials/credential-parts.ts';
import { sealedBefore } from './core/credentials/sealing-store.ts';
import type { DataKeys } from './core/crypto/data-keys.ts';
import { CallHome } from './core/own-vaults/call-home.ts';
import { KeptThere } from './core/own-vaults/kept-there.ts';
import type { Sources } from './core/outages/sources.ts';
import { watchedStore } from './core/outages/watched-store.ts';
import { OwnVaultSecrets } from './core/own-vaults/own-vault-secrets.ts';
import { OwnVaultService } from './core/own-vaults/own-vault-service.ts';
import { OwnVaults } from './core/own-vaults/own-vaults.ts';
import type { Bus } from './ports/bus.ts';
import type { Clock, RandomBytes } from './ports/clock.ts';
import type { Log } from './ports/log.ts';
import type { MetadataStore } from './ports/metadata-store.ts';
import { tenantScope } from './ports/scope.ts';
import { idOf, type SecretStore, type StoreId } from './ports/secret-store.ts';

export interface OwnVaultsOptions {
  readonly config: Pick<Config, 'allowHttpUpstream' | 'azure' | 'egressAllowHosts' | 'proxies' | 'sealBeforeStore'>;
  readonly metadata: Pick<MetadataStore, 'credentials' | 'ownVaults' | 'sealedValues' | 'tenants'>;
  /** Keeps what opens the vaults. */
  readonly sealed: SecretStore;
  readonly dataKeys: DataKeys;
  /** What is known of how the vaults are. */
  readonly sources: Sources;
  /** Credentials' digests are keyed with it. */
  readonly digestKey: Buffer;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
}

interface ServiceOptions {
  readonly parts: Pick<CredentialParts, 'writer'>;
  readonly access: Access;
  /** Where new values go without an own vault. */
  readonly usualStore: StoreId;
}

export interface OpenOwnVaults {
  readonly stores: OwnVaults;
  readonly service: (options: ServiceOptions) => { readonly service: OwnVaultService; readonly callHome: CallHome; /** When a tenant's credentials are gone. Can be repeated. */ readonly removeAll: (tenant: string) => Promise<void> };
}

/** The vaults that tenants bring (S20). */
export function openOwnVaults({ config, metadata, sealed, dataKeys, sources, digestKey, bus, clock, random, log }: OwnVaultsOptions): OpenOwnVaults {
  const records = metadata.ownVaults;
  const connector = createOwnVaultConnector({
    egress: egressOf(config),
    azure: config.azure,
    allowHttp: config.allowHttpUpstream,
    digest: (name, version, fields) => credentialDigest(digestKey, name, version, fields),
    clock,
    random,
    log,
  });
  const secrets = new OwnVaultSecrets({ sealed, values: metadata.sealedValues, random });
  const stores = new OwnVaults({ records, secrets, connector, around: (store) => watchedStore(sealedBefore(store, { dataKeys, random, sealsNew: config.sealBeforeStore }), sources.of(idOf(store), () => store.health())), bus, clock, log });
  return {
    stores,
    service: ({ parts, access, usualStore }) => {
      const kept = new KeptThere({ credentials: metadata.credentials, writer: parts.writer });
      const service = new OwnVaultService({ records, secrets, connector, kept, usualStore, bus, clock, random });
      const removeAll = async (tenant: string): Promise<void> => {
        if ((await records.get({ tenant })) === undefined) await secrets.destroyAll(tenant);
        else await access.perform(systemActor('remove-tenants'), 'own-vault.delete', { scope: tenantScope(tenant) }, null, (grant) => service.removeAll(grant));
      };
      return { service, callHome: new CallHome({ tenants: metadata.tenants, records, kept, usualStore, bus, clock, log }), removeAll };
    },
  };
}
