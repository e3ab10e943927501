import { randomBytes } from 'node:crypto';
import { systemClock } from './adapters/clock/system-clock.ts';
import { type OpenCustody, withNextWrapper } from './compose-root-key.ts';
import type { Config } from './config/config.ts';
import { readEnvironment } from './config/environment.ts';
import { readWrapperChange } from './config/new-key-wrapper.ts';
import type { Access } from './core/access/authorize.ts';
import type { SigningKey } from './core/audit/notes/signing-key.ts';
import type { Stores } from './core/credentials/store-errors.ts';
import type { DataKeys } from './core/crypto/data-keys.ts';
import { DataKeyRotation } from './core/keys/data-key-rotation.ts';
import { DataKeyRotationService } from './core/keys/data-key-rotation-service.ts';
import { KnownCopies } from './core/keys/known-copies.ts';
import { ProviderKeys } from './core/keys/provider-keys.ts';
import { ResealValues } from './core/keys/reseal-values.ts';
import { RootKeyService } from './core/keys/root-key-service.ts';
import { SealedReferences } from './core/keys/sealed-references.ts';
import type { KeyStepHook } from './core/keys/steps.ts';
import { TenantShredding } from './core/keys/tenant-shredding.ts';
import type { ControlPlaneServices } from './http/control-plane-services.ts';
import type { LeasedJob } from './jobs/leased-job.ts';
import { RotateDataKeys } from './jobs/rotate-data-keys.ts';
import type { Bus } from './ports/bus.ts';
import type { Log } from './ports/log.ts';
import type { MetadataStore } from './ports/metadata-store.ts';

export interface DataKeysOptions {
  readonly metadata: MetadataStore;
  readonly dataKeys: DataKeys;
  readonly access: Access;
  readonly log: Log;
  readonly step: KeyStepHook;
}

/** The rotation of data keys, over everything that is sealed under them. */
export function createDataKeyRotation({ metadata, dataKeys, access, log, step }: DataKeysOptions): DataKeyRotation {
  const random = randomBytes;
  const users = [new ResealValues({ values: metadata.sealedValues, dataKeys, random }), new SealedReferences(metadata.credentials)];
  return new DataKeyRotation({ platform: metadata.platform, tenants: metadata.tenants, dataKeys, users, wipe: () => metadata.wipe(), access, clock: systemClock, random, log, step });
}

export interface KeysOptions extends DataKeysOptions {
  readonly config: Pick<Config, 'keyWrapper' | 'backupsKeptMs'>;
  readonly custody: OpenCustody;
  readonly stores: Stores;
  readonly bus: Bus;
  /** The audit log's. */
  readonly signer: SigningKey;
  readonly isSealed: () => boolean;
  /** A rotation of data keys was asked for here. */
  readonly wake: () => void;
}

export interface Keys {
  /** For the control plane. */
  readonly services: Pick<ControlPlaneServices, 'rootKeys' | 'dataKeyRotation' | 'providerKeys' | 'shredding'>;
  readonly job: LeasedJob;
}

/** What looks after the keys above the values: the root key's wrapping, the data keys. */
export function createKeys(options: KeysOptions): Keys {
  const { config, metadata, custody, dataKeys, stores, bus, signer, isSealed, wake, log, step } = options;
  const { root, vault } = custody;
  const rotation = createDataKeyRotation(options);
  return {
    services: {
      rootKeys: new RootKeyService({
        platform: metadata.platform,
        root,
        wipe: () => metadata.wipe(),
        log,
        clock: systemClock,
        step,
        // Read anew each time, so that an operator names what is next without a restart: in `.env`, or in the files that it names.
        withNext: (work) => withNextWrapper({ present: config.keyWrapper, next: readWrapperChange(readEnvironment()).next }, { vault, log }, work),
      }),
      dataKeyRotation: new DataKeyRotationService({ rotation, wake }),
      providerKeys: new ProviderKeys({ credentials: metadata.credentials, tenants: metadata.tenants }),
      shredding: new TenantShredding({
        tenants: metadata.tenants,
        dataKeys,
        copies: new KnownCopies({ credentials: metadata.credentials, stores, backupsKeptMs: config.backupsKeptMs }),
        wipe: () => metadata.wipe(),
        signer,
        bus,
        clock: systemClock,
        log,
        step,
      }),
    },
    job: new RotateDataKeys({ rotation, isSealed }),
  };
}
