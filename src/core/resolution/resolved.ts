import type { SettingValue } from '../../ports/metadata/credentials.ts';
import type { SecretFields } from '../../ports/secret-value.ts';
import type { KeySource } from '../../ports/usage.ts';
import type { Service } from '../catalog/service.ts';

/** The credential that serves a request. Key and settings are of one version of one credential (S3). */
export interface Resolved {
  readonly source: KeySource;
  readonly service: Service;
  /** null for a key that came with the request, and for the service's own. */
  readonly credentialId: string | null;
  readonly credentialVersion: number | null;
  readonly label: string | null;
  /** Every value can go into a header as it is (S5). */
  readonly fields: SecretFields;
  readonly settings: Readonly<Record<string, SettingValue>>;
  /**
   * Whether what is under way with it may go on, by what this process knows now: false once the credential is revoked, disabled,
   * expired or deleted, or no longer offered (S10). A mere replacement of its key does not end an open stream. Cheap; learns of a
   * change at once from the bus, and within 10 s without it.
   */
  isCurrent(): boolean;
}
