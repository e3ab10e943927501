import type { Bus } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { TokenRepository } from '../../ports/metadata/access.ts';
import type { PlatformRepository, RoleBindingsRecord } from '../../ports/metadata/sealed.ts';
import type { UserRepository } from '../../ports/metadata/users.ts';
import { platformScope } from '../../ports/scope.ts';
import { changeRecord } from '../versions/change-record.ts';

export interface PlatformAdministratorsDependencies {
  readonly platform: PlatformRepository;
  readonly tokens: TokenRepository;
  readonly users: UserRepository;
  readonly bus: Bus;
  readonly clock: Clock;
}

const KEY = { name: 'role-bindings' } as const;
const NOBODY: RoleBindingsRecord = { ...KEY, bindings: [], leaving: [] };
const PAGE = 1_000;
const ADMIN = 'platform-admin';

/**
 * Which users have a role of the platform, and that somebody stays who is platform-admin: a token or a user. Both are decided on one record. Whoever stops being
 * one is written there as leaving before it stops, and counts no more for anybody; so of two who remove each other at the same time one is refused.
 */
export class PlatformAdministrators {
  readonly #platform: PlatformRepository;
  readonly #tokens: TokenRepository;
  readonly #users: UserRepository;
  readonly #bus: Bus;
  readonly #clock: Clock;

  constructor({ platform, tokens, users, bus, clock }: PlatformAdministratorsDependencies) {
    this.#platform = platform;
    this.#tokens = tokens;
    this.#users = users;
    this.#bus = bus;
    this.#clock = clock;
  }

  /** Each user's role, and the revision that says so; 0 where there is no record. */
  async bindings(): Promise<{ readonly roles: ReadonlyMap<string, string>; readonly revision: number }> {
    const stored = await this.#platform.get(KEY);
    const record = stored?.record.name === KEY.name ? stored.record : NOBODY;
    return { roles: new Map(record.bindings.map(({ user, role }) => [user, role])), revision: stored?.revision ?? 0 };
  }

  /** Gives a user a role of the platform, or takes it away (null). Throws `conflict` where nobody else would be platform-admin. */
  async bind(user: string, role: string | null): Promise<void> {
    await this.#change(async (record) => {
      const before = record.bindings.find((binding) => binding.user === user);
      if ((before?.role ?? null) === role) return undefined;
      if (before?.role === ADMIN) await this.#requireAnother(record, user);
      const others = record.bindings.filter((binding) => binding !== before);
      return { ...record, bindings: role === null ? others : [...others, { user, role }] };
    });
  }

  /** To be waited for before a token or a user that is platform-admin stops being one. Throws `conflict` where nobody else would be. */
  async leave(id: string): Promise<void> {
    await this.#change(async (record) => {
      await this.#requireAnother(record, id);
      if (record.leaving.includes(id)) return undefined;
      return { ...record, leaving: [...(await this.#stillLeaving(record.leaving)), id] };
    });
  }

  /** A user that left is one again. */
  async stay(id: string): Promise<void> {
    await this.#change((record) => (record.leaving.includes(id) ? { ...record, leaving: record.leaving.filter((other) => other !== id) } : undefined));
  }

  /** Whether anybody can sign in as platform-admin. */
  async isAdministered(): Promise<boolean> {
    const stored = await this.#platform.get(KEY);
    return this.#isAnother(stored?.record.name === KEY.name ? stored.record : NOBODY, null);
  }

  async #requireAnother(record: RoleBindingsRecord, id: string): Promise<void> {
    if (await this.#isAnother(record, id)) return;
    throw new KeyholdError('conflict', 'This is the last active platform-admin, and somebody has to be it. Make another one first, a token or a user who has signed in.');
  }

  async #isAnother({ bindings, leaving }: RoleBindingsRecord, leavingOut: string | null): Promise<boolean> {
    const counts = (id: string): boolean => id !== leavingOut && !leaving.includes(id);
    for (const { user, role } of bindings) {
      if (role !== ADMIN || !counts(user)) continue;
      const found = (await this.#users.get({ id: user }))?.record;
      // Who was never here may never come: perhaps the name was mistyped.
      if (found !== undefined && !found.disabled && found.lastSignInAt !== null) return true;
    }
    let after: string | undefined;
    do {
      const page = await this.#tokens.list(platformScope, { limit: PAGE, after });
      const now = this.#clock.now();
      if (page.items.some(({ record }) => counts(record.id) && record.role === ADMIN && record.revokedAt === null && (record.expiresAt === null || now < record.expiresAt))) return true;
      after = page.next;
    } while (after !== undefined);
    return false;
  }

  /** Without those who have gone, and would count for nobody anyway. */
  async #stillLeaving(ids: readonly string[]): Promise<readonly string[]> {
    const still: string[] = [];
    for (const id of ids) {
      const token = (await this.#tokens.get({ id }))?.record;
      const user = token === undefined ? (await this.#users.get({ id }))?.record : undefined;
      if (token?.revokedAt === null || user?.disabled === false) still.push(id);
    }
    return still;
  }

  async #change(decide: (record: RoleBindingsRecord) => RoleBindingsRecord | undefined | Promise<RoleBindingsRecord | undefined>): Promise<void> {
    if ((await this.#platform.get(KEY)) === undefined) {
      await this.#platform.create(KEY, NOBODY).catch((error: unknown) => {
        if (asKeyholdError(error).code !== 'already_exists') throw error;
      });
    }
    await changeRecord(this.#platform, KEY, {
      decide: (record) => decide(record.name === KEY.name ? record : NOBODY),
      missing: () => new KeyholdError('unavailable', 'The platform\'s roles could not be read. Send the request again.', { retryAfterSeconds: 1 }),
      announce: (version) => this.#bus.publish({ topic: 'role-bindings', version }),
    });
  }
}
