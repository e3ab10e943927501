import { type TSchema, Type } from 'typebox';
import type { Grant } from '../../../core/access/grant.ts';
import type { Resource } from '../../../core/access/resource.ts';
import type { AuditTreeName } from '../../../ports/metadata/audit.ts';
import { platform, tenantInPath } from '../../names.ts';
import type { ResourceRequest } from '../../route.ts';
import { tenantId } from '../../schemas/fields.ts';

/** Which tree a route tells of: the log's, or the one of the tenant that the path names (S30). */
export interface AuditTree {
  readonly base: string;
  readonly params: TSchema;
  readonly whose: string;
  readonly resource: (request: ResourceRequest) => Resource;
  /** Whose tree it is comes from the grant alone. */
  readonly treeOf: (grant: Grant) => AuditTreeName;
}

export const logTree: AuditTree = {
  base: '/api/v1/audit',
  params: Type.Object({}),
  whose: 'the audit log',
  resource: platform,
  treeOf: (grant) => treeOf(grant),
};

export const tenantTree: AuditTree = {
  base: '/api/v1/tenants/:tenant/audit',
  params: Type.Object({ tenant: tenantId }),
  whose: 'a tenant\'s audit log',
  resource: tenantInPath,
  treeOf: (grant) => treeOf(grant),
};

function treeOf(grant: Grant): AuditTreeName {
  const { scope } = grant.use('audit.read');
  return scope.kind === 'tenant' ? scope.tenant : null;
}
