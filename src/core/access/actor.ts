import { platformScope, type Scope } from '../../ports/scope.ts';
import type { Action } from './actions.ts';
import type { ClientCertificate } from './client-certificate.ts';

/** A role that somebody has, and where. */
export interface Holding {
  readonly scope: Scope;
  readonly role: string;
  /** What an administrator put into the role; absent: the action table knows it. */
  readonly permissions?: ReadonlySet<Action> | undefined;
}

/**
 * Who is asking: proven by a token, a gateway key, a user's sign-in, a client certificate, or by being the product itself (jobs). `role` and `scope` are what the audit log
 * shows; a tenant's actor acts in that tenant alone. In a grant they are those of the holding that permits the action.
 */
export interface Actor extends Holding {
  readonly kind: 'token' | 'gateway-key' | 'user' | 'certificate' | 'system';
  /** The token's, key's or user's id; the name that the operator gave to a certificate; for the product itself the job's name. */
  readonly id: string;
  /** Who acts through a session, or a token that says so: when they last proved who they are (milliseconds since the epoch). Absent for everybody else. */
  readonly authenticatedAt?: number | undefined;
  /** Everything that a user holds; absent where that is one role, which stands above. */
  readonly holdings?: readonly Holding[] | undefined;
  /** The session that it acts through; absent for everybody else, and in most grants. */
  readonly session?: ActingSession | undefined;
  /** What a certificate's holder has shown. */
  readonly certificate?: ClientCertificate | undefined;
  /** A user's; not in a grant, which is shorter. */
  readonly signIn?: SignIn | undefined;
}

/** When a user proved who it is, and until when that counts. */
export interface SignIn {
  readonly at: number;
  readonly until: number;
}

/** Times are milliseconds since the epoch. */
interface ActingSession {
  readonly id: string;
  readonly expiresAt: number;
  /** When it is over if nobody uses it again. */
  readonly idleUntil: number;
}

/** All that the actor holds. Tokens and gateway keys hold one role. */
export function holdingsOf(actor: Actor): readonly Holding[] {
  return actor.holdings ?? [actor];
}

/** A user with all that it holds, whatever that is: nothing, one role, or several in several places. */
export function userActor(id: string, holdings: readonly Holding[]): Actor {
  const [only, ...others] = holdings;
  if (only !== undefined && others.length === 0) return { kind: 'user', id, ...only };
  return { kind: 'user', id, role: only === undefined ? 'none' : 'several', scope: platformScope, permissions: new Set(), holdings };
}

export function systemActor(job: string): Actor {
  return { kind: 'system', id: job, role: 'system', scope: platformScope };
}
