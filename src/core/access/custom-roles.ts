import type { Bus } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import type { RoleRepository } from '../../ports/metadata/users.ts';
import type { Metrics } from '../../ports/metrics.ts';
import { type Scope, scopeKey } from '../../ports/scope.ts';
import { after, type Soon } from '../../ports/soon.ts';
import { RecordCache } from '../caching/record-cache.ts';
import type { Sources } from '../outages/sources.ts';
import type { Action } from './actions.ts';
import type { Holding } from './actor.ts';
import { grantablePermissions } from './permissions.ts';
import { builtInRoles } from './role.ts';

export interface CustomRolesDependencies {
  readonly roles: RoleRepository;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly sources?: Sources | undefined;
}

const TTL_MS = 10_000;
const MAX_CACHED = 10_000;
const nothing: ReadonlySet<Action> = new Set();

/** What the roles permit that administrators made: at most 10 s old, and read again at once when one changes. */
export class CustomRoles {
  readonly #roles: RoleRepository;
  readonly #known: RecordCache<ReadonlySet<Action>>;

  constructor({ roles, bus, clock, metrics, sources }: CustomRolesDependencies) {
    this.#roles = roles;
    this.#known = new RecordCache({
      clock,
      ttlMs: TTL_MS,
      max: MAX_CACHED,
      bus,
      observe: (hit) => metrics.cache({ cache: 'record', hit }),
      outlives: ({ size }) => size > 0,
      from: sources?.ofDatabase,
    });
    bus.subscribe((message) => {
      if (message.topic === 'role') this.#known.invalidate(cacheKey(message.scopeKey, message.name), message.version);
    });
  }

  /** The role with what it permits; nothing, where it was deleted or never made. Rejects with `unavailable` when the database cannot answer; no promise while it is known. */
  holding(scope: Scope, role: string): Soon<Holding> {
    if (isBuiltIn(scope, role)) return { scope, role };
    return after(this.#permissions(scope, role), (permissions) => ({ scope, role, permissions }));
  }

  /** How long ago the role was confirmed, where it serves beyond its time; otherwise 0. */
  staleMs({ scope, role, permissions }: Holding): number {
    return permissions === undefined ? 0 : this.#known.staleMs(cacheKey(scopeKey(scope), role));
  }

  #permissions(scope: Scope, name: string): Soon<ReadonlySet<Action>> {
    return this.#known.get(cacheKey(scopeKey(scope), name), async () => {
      const stored = await this.#roles.get({ scope, name });
      if (stored === undefined || stored.record.deletedAt !== null) return { value: nothing, version: stored?.revision ?? 0 };
      const named = new Set(stored.record.permissions);
      return { value: new Set(grantablePermissions(scope).filter((action) => named.has(action))), version: stored.revision };
    });
  }
}

/** Whether the table knows the role. */
export function isBuiltIn(scope: Scope, role: string): boolean {
  return builtInRoles(scope).some((known) => known === role);
}

function cacheKey(scope: string, name: string): string {
  return `${scope}/${name}`;
}
