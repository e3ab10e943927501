import type { OwnVaultRecord, OwnVaultSettings } from '../../ports/metadata/own-vaults.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import { etagOf } from '../versions/etag.ts';

/** What may be shown of a tenant's own vault: never what opens it. Times are milliseconds since the epoch. */
export interface OwnVaultView {
  readonly settings: OwnVaultSettings;
  /** The last characters of what opens it; empty where it is short (S22). */
  readonly hint: string;
  readonly takesNew: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Without quotes. */
  readonly etag: string;
}

export function ownVaultView({ record, revision }: Stored<OwnVaultRecord>): OwnVaultView {
  const { settings, secret, takesNew, createdAt, updatedAt } = record;
  return { settings, hint: secret.hint, takesNew, createdAt, updatedAt, etag: etagOf(revision) };
}
