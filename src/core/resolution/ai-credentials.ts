import type { Clock } from '../../ports/clock.ts';
import type { CredentialRepository } from '../../ports/metadata/credentials.ts';
import { tenantScope } from '../../ports/scope.ts';
import { type Catalog, isAiService } from '../catalog/catalog.ts';
import { credentialState } from '../credentials/credential-view.ts';

const PAGE = 1_000;

export interface AiCredentialsDependencies {
  readonly records: Pick<CredentialRepository, 'list'>;
  readonly catalog: Catalog;
  readonly clock: Clock;
}

/** Gives the ids of the AI services that a tenant has an active credential of its own for, ascending (R4.3). */
export function aiCredentialsReader({ records, catalog, clock }: AiCredentialsDependencies): (tenant: string) => Promise<readonly string[]> {
  return async (tenant) => {
    const services = new Set<string>();
    let after: string | undefined;
    do {
      const page = await records.list(tenantScope(tenant), { limit: PAGE, after });
      for (const { record } of page.items) {
        const service = catalog.find(record.service);
        if (service !== undefined && isAiService(service) && credentialState(record, clock.now()) === 'active') services.add(service.id);
      }
      after = page.next;
    } while (after !== undefined);
    return [...services];
  };
}
