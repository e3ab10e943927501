import type { CredentialKey, CredentialRecord, CredentialRepository } from '../../ports/metadata/credentials.ts';
import { tenantScope } from '../../ports/scope.ts';
import { type Actor, systemActor } from '../access/actor.ts';
import type { Access } from '../access/authorize.ts';
import type { CredentialService } from './credential-service.ts';

const PAGE = 200;
const actor: Actor = systemActor('remove-tenants');

export interface PurgeTenantDependencies {
  readonly records: CredentialRepository;
  readonly credentials: CredentialService;
  readonly access: Access;
}

/** Destroys all credentials of a tenant that is being removed, one audited step each. */
export class PurgeTenant {
  readonly #records: CredentialRepository;
  readonly #credentials: CredentialService;
  readonly #access: Access;

  constructor({ records, credentials, access }: PurgeTenantDependencies) {
    this.#records = records;
    this.#credentials = credentials;
    this.#access = access;
  }

  /**
   * True when every record is purged and nothing is left in a store. Safe to repeat; a write that is still open makes it false or
   * throws `conflict`, and a later run finishes.
   */
  async purgeAll(tenant: string): Promise<boolean> {
    const scope = tenantScope(tenant);
    let done = true;
    let after: string | undefined;
    do {
      const page = await this.#records.list(scope, { limit: PAGE, after });
      for (const { record } of page.items) {
        if (!(await this.#purge(record))) done = false;
      }
      after = page.next;
    } while (after !== undefined);
    return done;
  }

  async #purge(record: CredentialRecord): Promise<boolean> {
    const { scope, service, label, state, intent, retired } = record;
    // What was given up may still arrive in its store, also under a name that never came into use.
    if (state === 'purged' || state === 'new') return intent === null && retired.length === 0;
    const key: CredentialKey = { scope, service, label };
    if (state === 'active') {
      await this.#access.perform(actor, 'credential.delete', key, null, (grant) => this.#credentials.remove(grant));
    }
    await this.#access.perform(actor, 'credential.purge', key, null, (grant) => this.#credentials.purge(grant));
    return true;
  }
}
