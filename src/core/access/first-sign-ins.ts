import type { Clock } from '../../ports/clock.ts';
import { asKeyholdError } from '../../ports/errors.ts';
import type { Log } from '../../ports/log.ts';
import { tenantScope } from '../../ports/scope.ts';
import { systemActor } from './actor.ts';
import type { Access } from './authorize.ts';
import type { Issuer } from './issuer.ts';
import type { MemberService } from './member-service.ts';
import { shownName } from './shown-name.ts';
import { userIdOf } from './user-id.ts';
import type { Users } from './users.ts';

export interface FirstSignInsDependencies {
  readonly access: Access;
  readonly members: Pick<MemberService, 'invite'>;
  readonly users: Pick<Users, 'find'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Of one issuer and on one replica: a whole company comes in within hours, and a provider that anybody can join fills no database. */
const MOST_IN_A_MINUTE = 30;
const MINUTE_MS = 60_000;
const actor = systemActor('first-sign-in');

/** Users whom nobody has invited, of an issuer whose policy says what these get (S23). Each is an invitation in the audit log. */
export class FirstSignIns {
  readonly #access: Access;
  readonly #members: Pick<MemberService, 'invite'>;
  readonly #users: Pick<Users, 'find'>;
  readonly #clock: Clock;
  readonly #log: Log;
  /** By issuer: when they came, by the monotonic clock. */
  readonly #recent = new Map<string, number[]>();

  constructor({ access, members, users, clock, log }: FirstSignInsDependencies) {
    this.#access = access;
    this.#members = members;
    this.#users = users;
    this.#clock = clock;
    this.#log = log;
  }

  /**
   * Whether the user is there now and was not before. Whoever is known already, and holds nothing or is disabled, is not let in again. Rejects with `unavailable` when
   * the database or the audit log cannot be written.
   */
  async admit({ issuer, firstSignIn }: Issuer, subject: string, name: string | null = null): Promise<boolean> {
    if (firstSignIn === null || (await this.#users.find(userIdOf(issuer, subject))) !== undefined) return false;
    if (this.#isFull(issuer)) {
      this.#log.warn('first_sign_ins_refused', `More than ${MOST_IN_A_MINUTE} people signed in for the first time within a minute. Others wait; whoever should not be let in is kept out at the identity provider, or by its entry without firstSignIn`, { address: issuer });
      return false;
    }
    const { tenant, role } = firstSignIn;
    try {
      await this.#access.perform(actor, 'user.invite', { scope: tenantScope(tenant) }, null, (grant) => this.#members.invite(grant, { issuer, subject, name: shownName(name ?? subject) ?? 'User', role }));
      return true;
    } catch (error) {
      const { code, publicMessage } = asKeyholdError(error);
      if (code === 'already_exists') return true;
      if (code !== 'not_found' && code !== 'permission_denied' && code !== 'conflict' && code !== 'invalid_argument') throw error;
      this.#log.warn('first_sign_in_refused', `Somebody who signed in for the first time could not be made a user as firstSignIn says: ${publicMessage}`, { address: issuer, tenant });
      return false;
    }
  }

  #isFull(issuer: string): boolean {
    const now = this.#clock.monotonic();
    const recent = (this.#recent.get(issuer) ?? []).filter((at) => now - at < MINUTE_MS);
    this.#recent.set(issuer, recent);
    if (recent.length >= MOST_IN_A_MINUTE) return true;
    recent.push(now);
    return false;
  }
}
