import type { PolicyRecord } from '../../ports/metadata/tenants.ts';

/** The policy of a tenant that has set none (R0.2). */
export const defaultPolicy: PolicyRecord = Object.freeze({
  platformFallback: true,
  explicitKeys: true,
  defaultProvider: null,
  defaultModels: Object.freeze({}),
  adoptOutsideChanges: false,
  validateOnAdd: false,
  unpricedModels: 'allow',
  timeZone: 'UTC',
});
