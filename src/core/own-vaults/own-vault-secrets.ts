import type { RandomBytes } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { OwnVaultRecord } from '../../ports/metadata/own-vaults.ts';
import type { SealedValueRepository } from '../../ports/metadata/sealed.ts';
import { tenantScope } from '../../ports/scope.ts';
import type { SecretReference, SecretStore } from '../../ports/secret-store.ts';
import type { SecretValue } from '../../ports/secret-value.ts';
import { secretHint } from '../crypto/secret-hint.ts';

/** No service of the catalogue is called so. */
const SERVICE = 'own-vault';
const FIELD = 'secret';
const PAGE = 200;

export interface OwnVaultSecretsDependencies {
  /** The encrypted database: what opens a vault does not lie in that vault. */
  readonly sealed: SecretStore;
  readonly values: Pick<SealedValueRepository, 'list'>;
  readonly random: RandomBytes;
}

/** What we sign in to tenants' vaults with, each sealed under its tenant's data key, under a name of its own each time. */
export class OwnVaultSecrets {
  readonly #dependencies: OwnVaultSecretsDependencies;

  constructor(dependencies: OwnVaultSecretsDependencies) {
    this.#dependencies = dependencies;
  }

  async keep(tenant: string, secret: SecretValue): Promise<OwnVaultRecord['secret']> {
    const { sealed, random } = this.#dependencies;
    const [id, label, digest] = [random(16).toString('hex'), random(16).toString('hex'), random(32).toString('hex')];
    const reference = await sealed.put({ scope: tenantScope(tenant), service: SERVICE, label }, { [FIELD]: secret }, { id, version: 1, cas: null, digest });
    return { reference, hint: secretHint(secret.reveal()) };
  }

  /** Throws `not_found` or `corrupt` when it is gone, as after its tenant's data keys were destroyed. */
  async open({ secret: { reference } }: Pick<OwnVaultRecord, 'secret'>): Promise<SecretValue> {
    const { [FIELD]: secret } = await this.#dependencies.sealed.get(reference);
    if (secret === undefined) throw new KeyholdError('corrupt', 'What opens this vault is not what was kept. Register the vault anew with PUT.');
    return secret;
  }

  destroy(reference: SecretReference): Promise<void> {
    return this.#dependencies.sealed.destroy(reference);
  }

  /** Also what a crash has left. */
  async destroyAll(tenant: string): Promise<void> {
    const { sealed, values } = this.#dependencies;
    const scope = tenantScope(tenant);
    let after: string | undefined;
    do {
      const page = await values.list(scope, { limit: PAGE, after });
      for (const { key } of page.items) {
        if (key.service === SERVICE) await sealed.destroy({ store: sealed.kind, name: { scope, service: SERVICE, label: key.label }, version: String(key.version) });
      }
      after = page.next;
    } while (after !== undefined);
  }
}
