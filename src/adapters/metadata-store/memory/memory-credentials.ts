import type { CredentialKey, CredentialMaintenance, CredentialRecord, CredentialRepository } from '../../../ports/metadata/credentials.ts';
import type { Page, PageRequest, Stored } from '../../../ports/metadata/stored.ts';
import { type Scope, sameScope, scopeKey } from '../../../ports/scope.ts';
import { dueSince } from '../credential-due.ts';
import { type ListOf, RecordMap, storedOnly } from './record-map.ts';

/** Credentials in memory; both the tenants' view and the jobs' view of the same records. */
export class MemoryCredentials extends RecordMap<CredentialKey, CredentialRecord> implements CredentialRepository, CredentialMaintenance {
  constructor() {
    super(({ scope, service, label }) => [scopeKey(scope), service, label]);
  }

  async list(scope: Scope, page: PageRequest): Promise<Page<Stored<CredentialRecord>>> {
    const { items, next } = this.page(
      {
        name: 'credentials',
        shape: ['string', 'string'],
        placeOf: ({ key }) => [key.service, key.label],
        given: [scopeKey(scope)],
        holds: ({ key }) => sameScope(key.scope, scope),
      },
      page,
    );
    return { items: items.map(storedOnly), next };
  }

  async listService(scope: Scope, service: string): Promise<readonly Stored<CredentialRecord>[]> {
    const entries = this.all({
      placeOf: ({ key }) => [key.label],
      given: [scopeKey(scope), service],
      holds: ({ key }) => sameScope(key.scope, scope) && key.service === service,
    });
    return entries.map(storedOnly);
  }

  async dueForReconciling(now: number, page: PageRequest): Promise<Page<CredentialKey>> {
    const list: ListOf<CredentialKey, CredentialRecord> = {
      name: 'due-credentials',
      shape: ['number', 'string', 'string', 'string'],
      placeOf: ({ key, record }) => [dueSince(record) ?? 0, scopeKey(key.scope), key.service, key.label],
      given: [],
      holds: ({ record }) => {
        const due = dueSince(record);
        return due !== null && due <= now;
      },
    };
    const { items, next } = this.page(list, page);
    return { items: items.map(({ key }) => key), next };
  }
}
