import type { ItemName } from './run-items.ts';

/** Where the API has a scope's credentials; `tenant` null: the platform's. */
export function credentialsPath(tenant: string | null): string {
  return tenant === null ? '/api/v1/platform/credentials' : `/api/v1/tenants/${encodeURIComponent(tenant)}/credentials`;
}

/** Where the API has an operation on one credential. */
export function credentialPath({ tenant, service, label }: Omit<ItemName, 'from'>, operation: string): string {
  return `${credentialsPath(tenant)}/${encodeURIComponent(service)}/${operation}?label=${encodeURIComponent(label)}`;
}
