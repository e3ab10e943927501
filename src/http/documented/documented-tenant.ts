import type { Resource } from '../../core/access/resource.ts';
import { KeyholdError } from '../../ports/errors.ts';
import { namedTenant } from '../names.ts';
import type { ResourceRequest } from '../route.ts';

/**
 * Whose things a documented endpoint is about (REQUIREMENTS section 4): a tenant's token acts for its own tenant, a platform role
 * names the tenant by `tenant_id` in the query or the body. Undefined while only the body can tell. Throws `invalid_argument` when
 * nobody was named, or two were.
 */
export function documentedTenant({ actor, query, body }: ResourceRequest): Resource | undefined {
  const inQuery = query['tenant_id'];
  if (body === undefined && inQuery === undefined && actor.scope.kind === 'platform') return undefined;
  const inBody = tenantIdIn(body?.json);
  if (inQuery !== undefined && inBody !== undefined && inQuery !== inBody) {
    throw new KeyholdError('invalid_argument', 'tenant_id in the query and in the body are different tenants. Send it once.', { details: { property: 'tenant_id' } });
  }
  const named = inQuery ?? inBody;
  if (named !== undefined && typeof named !== 'string') {
    throw new KeyholdError('invalid_argument', 'tenant_id must be one text, the id of a tenant.', { details: { property: 'tenant_id' } });
  }
  if (named !== undefined) return { scope: namedTenant(named) };
  if (actor.scope.kind === 'tenant') return { scope: actor.scope };
  throw new KeyholdError('invalid_argument', 'A platform token has to say which tenant it acts for: send tenant_id in the body, or as ?tenant_id=.', {
    details: { property: 'tenant_id' },
  });
}

function tenantIdIn(json: unknown): unknown {
  return typeof json === 'object' && json !== null && 'tenant_id' in json ? json.tenant_id : undefined;
}
