import type { LimitsLayer } from '../../../ports/metadata/limits.ts';

/** Whose limits for a tenant a route is about (R0.2). */
export interface Layer {
  readonly name: LimitsLayer;
  readonly url: string;
  readonly whose: string;
}

export const ownLayer: Layer = { name: 'own', url: '/api/v1/tenants/:tenant/limits', whose: 'what a tenant limits itself to' };

export const platformLayer: Layer = { name: 'platform', url: '/api/v1/platform/tenants/:tenant/limits', whose: 'what the platform limits a tenant to' };
