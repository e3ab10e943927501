import type { DeletedSecret as DeletedInAzure, KeyVaultSecret, SecretProperties } from '@azure/keyvault-secrets';

/** One version of a secret in Key Vault, as far as the vault shows it. */
export interface KeptSecret {
  readonly version: string;
  /** Switched on. Of one that is off no value is shown. */
  readonly enabled: boolean;
  readonly contentType: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch, by the vault's clock, in whole seconds: versions of one second cannot be told apart by it. */
  readonly createdAt: number;
}

export interface ReadSecret extends KeptSecret {
  readonly value: string;
}

/** undefined when what came is no version of a secret. */
export function keptSecret({ version, enabled, contentType, tags, createdOn }: SecretProperties): KeptSecret | undefined {
  if (typeof version !== 'string' || version === '' || !(createdOn instanceof Date)) return undefined;
  return { version, enabled: enabled !== false, contentType, tags: tags ?? {}, createdAt: createdOn.getTime() };
}

export function readSecret({ value, properties }: KeyVaultSecret): ReadSecret | undefined {
  const kept = keptSecret(properties);
  return kept === undefined || typeof value !== 'string' ? undefined : { ...kept, value };
}

export interface DeletedSecret extends KeptSecret {
  /** The vault lets somebody with the permission end it before its retention does. */
  readonly purgeable: boolean;
  /** When the vault ends it by itself, milliseconds since the epoch; 0 where it does not say. */
  readonly endsAt: number;
}

/** The newest version of a secret that is deleted. */
export function deletedSecret({ properties }: DeletedInAzure): DeletedSecret | undefined {
  const kept = keptSecret(properties);
  if (kept === undefined) return undefined;
  return { ...kept, purgeable: properties.recoveryLevel?.includes('Purgeable') ?? true, endsAt: properties.scheduledPurgeDate?.getTime() ?? 0 };
}
