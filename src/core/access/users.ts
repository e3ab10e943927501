import type { Bus } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import type { MembershipRepository, UserRecord, UserRepository } from '../../ports/metadata/users.ts';
import type { Metrics } from '../../ports/metrics.ts';
import { platformScope, type Scope, tenantScope } from '../../ports/scope.ts';
import { after, type Soon } from '../../ports/soon.ts';
import { RecordCache } from '../caching/record-cache.ts';
import type { Sources } from '../outages/sources.ts';
import { type Actor, type Holding, holdingsOf, userActor } from './actor.ts';
import type { CustomRoles } from './custom-roles.ts';
import type { PlatformAdministrators } from './platform-administrators.ts';
import { noteSignIn } from './sign-in-times.ts';

export interface UsersDependencies {
  readonly users: UserRepository;
  readonly memberships: MembershipRepository;
  readonly administrators: Pick<PlatformAdministrators, 'bindings'>;
  readonly customRoles: CustomRoles;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly sources?: Sources | undefined;
}

/** A role that somebody was given, before it is known what it permits. */
interface Given {
  readonly scope: Scope;
  readonly role: string;
}

const TTL_MS = 10_000;
const MAX_CACHED = 10_000;
const PAGE = 1_000;
const ALL = 'all';

/** Who users are and what they hold, as every decision needs it: at most 10 s old, and read again at once when it changes. */
export class Users {
  readonly #users: UserRepository;
  readonly #memberships: MembershipRepository;
  readonly #administrators: Pick<PlatformAdministrators, 'bindings'>;
  readonly #customRoles: CustomRoles;
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #records: RecordCache<UserRecord | undefined>;
  readonly #ofTenants: RecordCache<readonly Given[]>;
  readonly #ofPlatform: RecordCache<ReadonlyMap<string, string>>;

  constructor({ users, memberships, administrators, customRoles, bus, clock, metrics, sources }: UsersDependencies) {
    this.#users = users;
    this.#memberships = memberships;
    this.#administrators = administrators;
    this.#customRoles = customRoles;
    this.#bus = bus;
    this.#clock = clock;
    const options = { clock, ttlMs: TTL_MS, max: MAX_CACHED, bus, observe: (hit: boolean) => metrics.cache({ cache: 'record', hit }), from: sources?.ofDatabase };
    this.#records = new RecordCache({ ...options, outlives: (record) => record?.disabled === false });
    this.#ofTenants = new RecordCache(options);
    this.#ofPlatform = new RecordCache(options);
    bus.subscribe((message) => {
      if (message.topic === 'user') this.#records.invalidate(message.id, message.version);
      if (message.topic === 'role-bindings') this.#ofPlatform.invalidate(ALL, message.version);
      // All of a user's are read together; the version is one of them's.
      if (message.topic === 'membership') this.#ofTenants.invalidate(message.user);
    });
  }

  /** The user's record; undefined where there is none. Rejects with `unavailable` when the database cannot answer. */
  find(id: string): Soon<UserRecord | undefined> {
    return this.#records.get(id, async () => {
      const stored = await this.#users.get({ id });
      return { value: stored?.record, version: stored?.revision ?? 0 };
    });
  }

  /** The user with all that it holds, also if that is nothing; undefined for one that is disabled or unknown. Without a promise while everything is known. */
  actorOf(id: string): Soon<Actor | undefined> {
    return after(this.find(id), (record) => {
      if (record === undefined || record.disabled) return undefined;
      return after(this.#platformRoles(), (roles) => after(this.#tenantRoles(id), (given) => this.#actor(id, roles.get(id), given)));
    });
  }

  /** Writes down that the user has signed in just now. Rejects with `unavailable` when the database cannot be written. */
  async noteSignIn(id: string): Promise<void> {
    await noteSignIn({ users: this.#users, bus: this.#bus, clock: this.#clock }, id);
  }

  /** How long ago what is known of the user was confirmed, where it serves beyond its time; otherwise 0. */
  staleMs(actor: Actor): number {
    return Math.max(this.#records.staleMs(actor.id), this.#ofTenants.staleMs(actor.id), this.#ofPlatform.staleMs(ALL), ...holdingsOf(actor).map((holding) => this.#customRoles.staleMs(holding)));
  }

  #actor(id: string, platformRole: string | undefined, ofTenants: readonly Given[]): Soon<Actor> {
    const given = platformRole === undefined ? ofTenants : [{ scope: platformScope, role: platformRole }, ...ofTenants];
    const known: Holding[] = [];
    for (const { scope, role } of given) {
      const holding = this.#customRoles.holding(scope, role);
      if (holding instanceof Promise) return Promise.all(given.map(async (one) => this.#customRoles.holding(one.scope, one.role))).then((holdings) => userActor(id, holdings));
      known.push(holding);
    }
    return userActor(id, known);
  }

  #platformRoles(): Soon<ReadonlyMap<string, string>> {
    return this.#ofPlatform.get(ALL, async () => {
      const { roles, revision } = await this.#administrators.bindings();
      return { value: roles, version: revision };
    });
  }

  #tenantRoles(id: string): Soon<readonly Given[]> {
    return this.#ofTenants.get(id, async () => {
      const given: Given[] = [];
      let next: string | undefined;
      do {
        const page = await this.#memberships.listOf(id, { limit: PAGE, after: next });
        for (const { record } of page.items) if (!record.disabled) given.push({ scope: tenantScope(record.tenant), role: record.role });
        next = page.next;
      } while (next !== undefined);
      return { value: given, version: 0 };
    });
  }
}
