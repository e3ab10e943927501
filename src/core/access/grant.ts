import { KeyholdError } from '../../ports/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Action } from './actions.ts';
import type { Actor } from './actor.ts';
import type { Resource } from './resource.ts';

/** How long a grant may wait between the decision and its use (S21). */
const VALID_MS = 5_000;

const mint = Symbol('only authorize() makes grants');

/**
 * Proof that one operation was decided and written to the audit log. Single use, five seconds (S21). Core operations take actor,
 * scope, service and label from it alone, so that an operation that forgot to ask cannot be written.
 */
export class Grant {
  readonly actor: Actor;
  readonly action: Action;
  readonly resource: Resource;
  readonly requestId: string | null;
  /** The intent row; null where the action table says that the action is not audited. */
  readonly auditId: string | null;
  readonly #clock: Clock;
  readonly #madeAt: number;
  #used = false;
  #made: string | null = null;

  constructor(key: typeof mint, clock: Clock, actor: Actor, action: Action, resource: Resource, requestId: string | null, auditId: string | null) {
    if (key !== mint) throw new KeyholdError('internal', 'A grant can only be made by authorize().');
    this.actor = actor;
    this.action = action;
    this.resource = resource;
    this.requestId = requestId;
    this.auditId = auditId;
    this.#clock = clock;
    this.#madeAt = clock.monotonic();
  }

  /** Says under which id the operation made something new, so that the outcome row names it. */
  making(id: string): void {
    this.#made = id;
  }

  /** The id that `making` was told; null when nothing new was made. */
  get made(): string | null {
    return this.#made;
  }

  /** Consumes the grant for one of these actions and gives what it is about. Throws `internal` on any other use, a second one or a late one. */
  use(...expected: readonly Action[]): Resource {
    if (this.#used) throw new KeyholdError('internal', 'A grant was used twice.');
    this.#used = true;
    if (!expected.includes(this.action)) throw new KeyholdError('internal', `A grant for ${this.action} was used for ${expected.join(' or ')}.`);
    if (this.#clock.monotonic() - this.#madeAt > VALID_MS) {
      throw new KeyholdError('unavailable', 'The operation waited too long before it began. Send it again.', { retryAfterSeconds: 1 });
    }
    return this.resource;
  }
}

/** For `authorize()` alone. */
export function makeGrant(clock: Clock, actor: Actor, action: Action, resource: Resource, requestId: string | null, auditId: string | null): Grant {
  return new Grant(mint, clock, actor, action, resource, requestId, auditId);
}

const useMint = Symbol('only authorizeUse() makes use grants');

/** The gateway's cached decision that an actor may use a service of its own tenant; without a row, for the length of one request. */
export class UseGrant {
  readonly actor: Actor;
  readonly tenant: string;
  readonly requestId: string;

  constructor(key: typeof useMint, actor: Actor, tenant: string, requestId: string) {
    if (key !== useMint) throw new KeyholdError('internal', 'A use grant can only be made by authorizeUse().');
    this.actor = actor;
    this.tenant = tenant;
    this.requestId = requestId;
  }
}

/** For `authorizeUse()` alone. */
export function makeUseGrant(actor: Actor, tenant: string, requestId: string): UseGrant {
  return new UseGrant(useMint, actor, tenant, requestId);
}
