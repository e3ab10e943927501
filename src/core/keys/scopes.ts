import type { Page, Stored } from '../../ports/metadata/stored.ts';
import type { TenantRecord, TenantRepository } from '../../ports/metadata/tenants.ts';
import { platformScope, type Scope, tenantScope } from '../../ports/scope.ts';

const PAGE = 500;

/** One tenant's scope, or, for null, every one in which something may be sealed: the platform's and each tenant's that is not gone. */
export async function* scopesOf(tenants: Pick<TenantRepository, 'list'>, tenant: string | null): AsyncGenerator<Scope> {
  if (tenant !== null) {
    yield tenantScope(tenant);
    return;
  }
  yield platformScope;
  let after: string | undefined;
  do {
    const page: Page<Stored<TenantRecord>> = await tenants.list({ limit: PAGE, after });
    for (const { record } of page.items) if (record.state !== 'deleted') yield tenantScope(record.id);
    after = page.next;
  } while (after !== undefined);
}
