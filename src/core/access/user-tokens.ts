import type { Clock } from '../../ports/clock.ts';
import type { IssuedToken, IssuedTokens } from '../../ports/issued-tokens.ts';
import { after, type Soon } from '../../ports/soon.ts';
import { type Actor, holdingsOf, type SignIn, userActor } from './actor.ts';
import type { FirstSignIns } from './first-sign-ins.ts';
import type { Issuer } from './issuer.ts';
import { counts, type Issuers } from './issuers.ts';
import { permissionsOf } from './permissions.ts';
import { userIdOf } from './user-id.ts';
import type { Users } from './users.ts';

export interface UserTokensDependencies {
  readonly issuers: Issuers;
  readonly issued: IssuedTokens;
  readonly users: Pick<Users, 'find' | 'actorOf' | 'staleMs' | 'noteSignIn'>;
  readonly firstSignIns: Pick<FirstSignIns, 'admit'>;
  readonly clock: Clock;
}

/** A token that was found right, and whose. Nothing of what the user may do is remembered: that is asked each time. */
interface Remembered {
  readonly user: string;
  readonly issuer: Issuer;
  readonly signIn: SignIn;
  readonly authenticatedAt: number | undefined;
  /** By the monotonic clock. */
  readonly until: number;
}

/** S23. */
const REMEMBERED_MS = 60_000;
const MAX_REMEMBERED = 10_000;
/** A day: access tokens are renewed all the time. */
const NOTED_EVERY_MS = 24 * 3_600_000;

/** Users who show an access token of their identity provider (S23): who that is, and what of what they were given counts when they come from there. */
export class UserTokens {
  readonly #issuers: Issuers;
  readonly #issued: IssuedTokens;
  readonly #users: UserTokensDependencies['users'];
  readonly #firstSignIns: Pick<FirstSignIns, 'admit'>;
  readonly #clock: Clock;
  readonly #remembered = new Map<string, Remembered>();

  constructor({ issuers, issued, users, firstSignIns, clock }: UserTokensDependencies) {
    this.#issuers = issuers;
    this.#issued = issued;
    this.#users = users;
    this.#firstSignIns = firstSignIns;
    this.#clock = clock;
  }

  /**
   * The user, with what it holds now; undefined for a text that is no valid token, and for a user who is unknown, disabled, or signed out since. `digest` is of the
   * whole text. Rejects with `unavailable` when the provider's keys or the database cannot be had. No promise while everything is known.
   */
  authenticate(text: string, digest: Buffer): Soon<Actor | undefined> {
    const key = digest.toString('base64');
    const remembered = this.#remembered.get(key);
    if (remembered !== undefined && this.#clock.monotonic() < remembered.until) return this.#ofToken(remembered);
    return this.#check(text, key);
  }

  /** Whether a user who proved who it is may still use the gateway: the token has not expired, the user not been disabled or signed out, and its role not been taken. */
  async mayGoOn({ id, scope, signIn }: Actor): Promise<boolean> {
    const record = await this.#users.find(id);
    const issuer = record === undefined ? undefined : this.#issuers.find(record.issuer);
    if (issuer === undefined || signIn === undefined) return false;
    const actor = await this.#actorOf(id, issuer, signIn);
    if (actor === undefined || scope.kind !== 'tenant') return false;
    return holdingsOf(actor).some((holding) => holding.scope.kind === 'tenant' && holding.scope.tenant === scope.tenant && permissionsOf(holding).includes('gateway.use'));
  }

  /** A user who has signed in at its provider and acts through a session: undefined where the provider is configured no more, and for a user who is unknown, disabled, or signed out since. */
  ofSession(id: string, signIn: SignIn): Soon<Actor | undefined> {
    return after(this.#users.find(id), (record) => {
      const issuer = record === undefined ? undefined : this.#issuers.find(record.issuer);
      return issuer === undefined ? undefined : this.#actorOf(id, issuer, signIn);
    });
  }

  /** How long ago what is known of the user was confirmed, where it serves beyond its time; otherwise 0. */
  staleMs(actor: Actor): number {
    return this.#users.staleMs(actor);
  }

  async #check(text: string, key: string): Promise<Actor | undefined> {
    const begun = this.#clock.monotonic();
    const token = await this.#issued.check(text);
    const issuer = token === undefined ? undefined : this.#issuers.find(token.issuer);
    if (token === undefined || issuer === undefined) return undefined;
    await this.#firstSignIns.admit(issuer, token.subject);
    const remembered = this.#remember(key, token, issuer, begun);
    const actor = await this.#ofToken(remembered);
    return actor !== undefined && (await this.#noteSignIn(actor.id)) ? this.#ofToken(remembered) : actor;
  }

  #remember(key: string, { issuer: name, subject, issuedAt, expiresAt, authenticatedAt }: IssuedToken, issuer: Issuer, begun: number): Remembered {
    const remembered = { user: userIdOf(name, subject), issuer, signIn: { at: issuedAt, until: expiresAt }, authenticatedAt, until: begun + REMEMBERED_MS };
    const [oldest] = this.#remembered.keys();
    if (oldest !== undefined && this.#remembered.size >= MAX_REMEMBERED) this.#remembered.delete(oldest);
    this.#remembered.delete(key);
    this.#remembered.set(key, remembered);
    return remembered;
  }

  /** For people, and for the rule that somebody stays platform-admin. Whether it was written: a database that is away keeps nobody out. */
  async #noteSignIn(id: string): Promise<boolean> {
    const record = await this.#users.find(id);
    if (record === undefined || this.#clock.now() - (record.lastSignInAt ?? 0) < NOTED_EVERY_MS) return false;
    return this.#users.noteSignIn(id).then(() => true, () => false);
  }

  #ofToken({ user, issuer, signIn, authenticatedAt }: Remembered): Soon<Actor | undefined> {
    const actor = this.#actorOf(user, issuer, signIn);
    return authenticatedAt === undefined ? actor : after(actor, (found) => (found === undefined ? undefined : { ...found, authenticatedAt }));
  }

  #actorOf(id: string, issuer: Issuer, signIn: SignIn): Soon<Actor | undefined> {
    if (this.#clock.now() >= signIn.until) return undefined;
    return after(this.#users.find(id), (record) => {
      if (record === undefined || record.disabled || (record.signedOutBefore !== null && signIn.at < record.signedOutBefore)) return undefined;
      return after(this.#users.actorOf(id), (actor) => (actor === undefined ? undefined : { ...userActor(id, holdingsOf(actor).filter((holding) => counts(holding, issuer))), signIn }));
    });
  }
}
