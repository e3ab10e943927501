import type { Actor } from '../access/actor.ts';
import type { InstallationSeal } from '../access/installation-seal.ts';
import type { Principals } from '../access/principals.ts';
import type { Sources } from '../outages/sources.ts';
import type { CachedTenantStates } from '../tenants/cached-tenant-states.ts';
import type { Resolved } from './resolved.ts';
import type { Resolver } from './resolver.ts';

export interface StalenessDependencies {
  readonly sources: Pick<Sources, 'areWell' | 'database'>;
  readonly principals: Pick<Principals, 'staleMs'>;
  readonly tenantStates: Pick<CachedTenantStates, 'staleMs'>;
  readonly seal: Pick<InstallationSeal, 'staleMs'>;
  readonly resolver: Pick<Resolver, 'staleOf'>;
}

/** Tells of requests that are served with what could not be read again: to their callers (`x-keyhold-stale`, R0.4) and to operators. */
export class Staleness {
  readonly #dependencies: StalenessDependencies;

  constructor(dependencies: StalenessDependencies) {
    this.#dependencies = dependencies;
  }

  /** How long ago it was confirmed who the caller is, that their tenant is alive and that Keyhold is not sealed, in milliseconds; 0 while that is within its time. */
  callerMs(actor: Actor, tenant: string): number {
    const { sources, principals, tenantStates, seal } = this.#dependencies;
    return sources.areWell ? 0 : Math.max(principals.staleMs(actor), tenantStates.staleMs(tenant), seal.staleMs());
  }

  /** Whole seconds since the oldest of what serves beyond its time was confirmed, 1 or more; 0 where nothing does. Counts the request. */
  secondsOf(resolved: Resolved, tenant: string, callerMs: number): number {
    const { sources, resolver } = this.#dependencies;
    // The service's own keys are read by a job of their own.
    if (callerMs === 0 && resolved.source !== 'environment' && sources.areWell) return 0;
    const { recordsMs, value } = resolver.staleOf(resolved, tenant);
    const databaseMs = Math.max(callerMs, recordsMs);
    if (databaseMs > 0) sources.database.servedStale(databaseMs);
    value?.source.servedStale(value.ageMs);
    return Math.ceil(Math.max(databaseMs, value?.ageMs ?? 0) / 1000);
  }
}
