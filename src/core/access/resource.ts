import { type Scope, scopeKey } from '../../ports/scope.ts';

/** What an operation is about. Core operations take scope, service, label and id from it alone (S21). */
export interface Resource {
  readonly scope: Scope;
  readonly service?: string;
  readonly label?: string;
  /** A token's, gateway key's or job's id. */
  readonly id?: string;
}

/** The resource as the audit log shows it: `tenant:acme/openai/default`. */
export function resourceText(resource: Resource): string {
  const parts = [scopeKey(resource.scope)];
  if (resource.service !== undefined) parts.push(resource.service);
  if (resource.label !== undefined) parts.push(resource.label);
  if (resource.id !== undefined) parts.push(resource.id);
  return parts.join('/');
}
