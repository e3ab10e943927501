import { KeyholdError } from '../../ports/errors.ts';
import type { SecretFields, SecretValue } from '../../ports/secret-value.ts';
import { isAiService } from '../catalog/catalog.ts';
import type { Service } from '../catalog/service.ts';
import { isUsable } from '../credentials/value-text.ts';
import type { OwnKeys } from '../own-keys/own-keys.ts';

export interface EnvironmentKeysDependencies {
  readonly ownKeys: Pick<OwnKeys, 'find' | 'refresh' | 'staleMs'>;
  /** The operator offers them to tenants (R3.3). */
  readonly offered: boolean;
}

/**
 * The service's own keys as the last step of resolution (R3.3, source `environment`). As the platform's credentials are by default,
 * they are for AI services only (R0.2).
 */
export class EnvironmentKeys {
  readonly #ownKeys: EnvironmentKeysDependencies['ownKeys'];
  readonly #offered: boolean;

  constructor({ ownKeys, offered }: EnvironmentKeysDependencies) {
    this.#ownKeys = ownKeys;
    this.#offered = offered;
  }

  /**
   * The fields for a service; undefined where there are none, or none are offered. Throws `unavailable` while it cannot be told,
   * `corrupt` for a key that could not be sent (S5).
   */
  fieldsOf(service: Service): SecretFields | undefined {
    // A setting has no name in the environment, and where a key is sent goes with the key (S3).
    if (!this.#offered || !isAiService(service) || service.settings.some(({ required }) => required)) return undefined;
    const fields: Record<string, SecretValue> = {};
    for (const { name, required, environment } of service.fields) {
      const value = environment === undefined ? undefined : this.#ownKeys.find(environment);
      if (value === undefined && required) return undefined;
      if (value === undefined) continue;
      if (!isUsable(value.reveal())) throw new KeyholdError('corrupt', `The service's own key ${environment} cannot be used as a key: it is not printable ASCII without spaces. An operator has to set it again.`);
      fields[name] = value;
    }
    return Object.keys(fields).length === 0 ? undefined : fields;
  }

  /** How long ago Vault said the oldest of the fields, in milliseconds, where it serves beyond its time; otherwise 0. */
  staleMs(service: Service): number {
    return Math.max(0, ...service.fields.map(({ environment }) => (environment === undefined ? 0 : this.#ownKeys.staleMs(environment))));
  }

  /** Whether what is under way with it may go on: an outage takes nothing away. */
  mayGoOn(service: Service): boolean {
    try {
      return this.fieldsOf(service) !== undefined;
    } catch {
      return true;
    }
  }

  /** Reads them again; afterwards the fields, if they are others than those that were used. */
  async newerThan(service: Service, used: SecretFields): Promise<SecretFields | undefined> {
    await this.#ownKeys.refresh();
    const fields = this.fieldsOf(service);
    const isSame = fields !== undefined && Object.keys({ ...used, ...fields }).every((name) => used[name]?.reveal() === fields[name]?.reveal());
    return isSame ? undefined : fields;
  }
}
