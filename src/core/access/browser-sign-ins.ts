import type { Bus } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { IdentityProviders, ProvenUser, SignInRequest } from '../../ports/identity-providers.ts';
import type { UserRepository } from '../../ports/metadata/users.ts';
import { platformScope } from '../../ports/scope.ts';
import { changeRecord } from '../versions/change-record.ts';
import { type Actor, systemActor } from './actor.ts';
import type { Access } from './authorize.ts';
import type { FirstSignIns } from './first-sign-ins.ts';
import type { Issuers } from './issuers.ts';
import type { NewSession, SessionHolders, Sessions } from './sessions.ts';
import type { SignInAttempt, SignInAttempts } from './sign-in-attempts.ts';
import { shownName } from './shown-name.ts';
import { userIdOf } from './user-id.ts';

export interface BrowserSignInsDependencies {
  readonly issuers: Issuers;
  readonly providers: IdentityProviders;
  readonly attempts: SignInAttempts;
  readonly firstSignIns: Pick<FirstSignIns, 'admit'>;
  readonly users: UserRepository;
  readonly holders: Pick<SessionHolders, 'ofUser'>;
  readonly sessions: Pick<Sessions, 'begin' | 'end' | 'endAllOf' | 'endOf'>;
  readonly access: Access;
  readonly bus: Bus;
  readonly clock: Clock;
  /** An origin, without a slash at its end; null: browsers do not sign in. */
  readonly publicUrl: string | null;
}

/** Where people sign in with a browser. */
export interface WayIn {
  readonly issuer: string;
  readonly name: string;
}

/** Where people sign in at a terminal. Nothing of it is a secret. */
export interface TerminalWayIn extends WayIn {
  readonly clientId: string;
  readonly scope: string;
  /** What stands for Keyhold in `aud`. */
  readonly audience: string;
}

/** The session acts for so long at most before it asks anew; here it is asked for the moment alone. */
const MOMENT_MS = 60_000;
/** Addresses are longer than names. */
const LONGEST_SHOWN = 200;
const CALLBACK = '/api/v1/sign-in/callback';
const actor = systemActor('backchannel-logout');

/** People who sign in at their identity provider with a browser, for a session (S23, S24). */
export class BrowserSignIns {
  readonly #dependencies: BrowserSignInsDependencies;

  constructor(dependencies: BrowserSignInsDependencies) {
    this.#dependencies = dependencies;
  }

  ways(): readonly WayIn[] {
    return this.#dependencies.issuers.all.flatMap(({ issuer, name, client }) => (client === null ? [] : [{ issuer, name }]));
  }

  /** Where they do at a terminal, and as what. */
  terminals(): readonly TerminalWayIn[] {
    return this.#dependencies.issuers.all.flatMap(({ issuer, name, terminal, audience }) => (terminal === null || audience === null ? [] : [{ issuer, name, clientId: terminal.id, scope: terminal.scope, audience }]));
  }

  /**
   * Where the browser goes, and what it keeps meanwhile. `fresh`: they prove anew who they are. `previous` is the session that it has, which ends with the sign-in. Throws
   * `invalid_argument` for an issuer where nobody signs in so, and for a way back that leads elsewhere; rejects with `unavailable`.
   */
  async start({ issuer, fresh, returnTo, previous }: Pick<SignInAttempt, 'issuer' | 'fresh' | 'returnTo' | 'previous'>): Promise<{ readonly location: string; readonly sealed: string }> {
    const { providers, attempts } = this.#dependencies;
    const attempt = attempts.begin({ issuer, fresh, returnTo: ownPath(returnTo), previous });
    return { location: await providers.authorizationUrl(issuer, this.#requestOf(attempt)), sealed: attempts.seal(attempt) };
  }

  /** The session of whoever has come back, and where they wanted to go. Rejects with `unauthenticated` for everybody who is not known, and with `unavailable`. */
  async finish(sealed: string, parameters: URLSearchParams, requestId: string): Promise<{ readonly session: NewSession; readonly returnTo: string }> {
    const { providers, attempts, sessions, access } = this.#dependencies;
    const attempt = attempts.take(sealed, parameters.get('state'));
    const user = await providers.finish(attempt.issuer, parameters, this.#requestOf(attempt));
    const { issuer, previous, returnTo } = attempt;
    const known = await this.#known(issuer, user);
    const session = await access.perform(known, 'session.begin', { scope: known.scope }, requestId, async (grant) => {
      grant.use('session.begin');
      // Whoever does not say when they proved who they are did so a long time ago, for what asks for a fresh sign-in.
      const begun = await sessions.begin({ holder: { kind: 'user', id: known.id }, authenticatedAt: user.authenticatedAt ?? 0, provider: user.sid === undefined ? undefined : { issuer, sid: user.sid } });
      if (previous !== null) await sessions.end(previous);
      grant.making(begun.id);
      return begun;
    });
    return { session, returnTo };
  }

  /** Where this user goes to sign out at the identity provider, too; undefined: nowhere. */
  async endSessionUrl(user: string): Promise<string | undefined> {
    const { providers, users, publicUrl } = this.#dependencies;
    const issuer = (await users.get({ id: user }))?.record.issuer;
    return publicUrl === null || issuer === undefined ? undefined : providers.endSessionUrl(issuer, `${publicUrl}/`);
  }

  /** Ends what an identity provider says has ended (OpenID Connect Back-Channel Logout 1.0). Throws `invalid_argument` for what is no logout token of one. */
  async end(logoutToken: string, requestId: string): Promise<void> {
    const { providers, sessions, access } = this.#dependencies;
    const ended = await providers.ended(logoutToken);
    if (ended === undefined) throw new KeyholdError('invalid_argument', 'This is no logout token of an identity provider that is set here, or it was here already.');
    const { issuer, sid, subject } = ended;
    await access.perform(actor, 'session.end', { scope: platformScope }, requestId, async (grant) => {
      grant.use('session.end');
      if (sid !== undefined) return sessions.endOf({ issuer, sid });
      const id = userIdOf(issuer, subject ?? '');
      return sessions.endAllOf({ kind: 'user', id }).catch((error: unknown) => {
        if (asKeyholdError(error).code !== 'not_found') throw error;
      });
    });
  }

  async #known(issuer: string, { subject, name, email }: ProvenUser): Promise<Actor> {
    const { issuers, firstSignIns, holders, clock } = this.#dependencies;
    const found = issuers.find(issuer);
    if (found !== undefined) await firstSignIns.admit(found, subject, name);
    const id = userIdOf(issuer, subject);
    const now = clock.now();
    const known = await holders.ofUser(id, { at: now, until: now + MOMENT_MS });
    if (known === undefined) throw new KeyholdError('unauthenticated', `You have signed in, but nobody has invited you here, or you have been shut out. An administrator can invite you: issuer ${issuer}, subject ${subject}.`);
    await this.#tell(id, { name, email });
    return known;
  }

  /** For people who look at lists of users. What the provider does not tell stays as it was. */
  async #tell(id: string, told: Pick<ProvenUser, 'name' | 'email'>): Promise<void> {
    const { users, bus } = this.#dependencies;
    const [name, email] = [told.name, told.email].map((text) => shownName(text ?? '', LONGEST_SHOWN));
    await changeRecord(users, { id }, {
      decide: (record) => ((name ?? record.name) === record.name && (email ?? record.email) === record.email ? undefined : { ...record, name: name ?? record.name, email: email ?? record.email }),
      missing: () => new KeyholdError('unauthenticated', 'You have signed in, but the user is gone. Begin again.'),
      announce: (version) => bus.publish({ topic: 'user', id, version }),
    });
  }

  #requestOf({ state, nonce, verifier, fresh, startedAt }: SignInAttempt): SignInRequest {
    const { publicUrl } = this.#dependencies;
    if (publicUrl === null) throw new KeyholdError('unsupported', 'Nobody signs in here with a browser: an operator has to set KEYHOLD_PUBLIC_URL.');
    return { state, nonce, verifier, fresh, startedAt, redirectUri: `${publicUrl}${CALLBACK}` };
  }
}

/** A path of this Keyhold, as it was written. Throws `invalid_argument` for everything that a browser could take for somewhere else. */
function ownPath(text: string): string {
  const base = 'https://keyhold.invalid';
  const url = /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,511}$/u.test(text) ? URL.parse(text, base) : null;
  if (url?.origin === base && !url.pathname.startsWith('//')) return text;
  throw new KeyholdError('invalid_argument', 'returnTo is a path of this Keyhold such as /tenants/acme, of 512 characters at most.', { details: { property: 'returnTo' } });
}
