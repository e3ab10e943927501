import type { Clock } from '../../ports/clock.ts';
import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { TenantRecord } from '../../ports/metadata/tenants.ts';
import { platformScope, type Scope } from '../../ports/scope.ts';
import { after, type Soon } from '../../ports/soon.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import { actingOn, unknownTenant } from './acting-on.ts';
import { type Action, isOwn, ruleOf } from './actions.ts';
import type { Actor } from './actor.ts';
import { type Grant, makeGrant, makeUseGrant, type UseGrant } from './grant.ts';
import type { InstallationSeal } from './installation-seal.ts';
import { InstallationSealed } from './installation-sealed.ts';
import type { Resource } from './resource.ts';

/** A tenant's state as `authorize` sees it: read again within 10 s, and at once when it changes. */
export interface TenantStates {
  stateOf(tenant: string): Soon<TenantRecord['state'] | undefined>;
}

export interface AccessDependencies {
  readonly clock: Clock;
  readonly audit: AuditLog;
  readonly tenants: TenantStates;
  /** Whether all use of keys is stopped. */
  readonly seal: Pick<InstallationSeal, 'isSealed'>;
}

/** How long ago somebody may have proved who they are, for what asks for a fresh sign-in. */
const FRESH_MS = 10 * 60_000;

/** The one choke point: it decides, writes what the action table says is audited, and hands out the single-use grant (S21, S29). */
export class Access {
  readonly #clock: Clock;
  readonly #audit: AuditLog;
  readonly #tenants: TenantStates;
  readonly #seal: AccessDependencies['seal'];

  constructor({ clock, audit, tenants, seal }: AccessDependencies) {
    this.#clock = clock;
    this.#audit = audit;
    this.#tenants = tenants;
    this.#seal = seal;
  }

  /**
   * Decides alone, so that a caller who may not do something is refused before its request body is read (S34). Grants nothing:
   * `perform` decides again. A refusal is written to the audit log, and thrown as `perform` throws it.
   */
  async check(actor: Actor, action: Action, resource: Resource, requestId: string | null): Promise<void> {
    await this.#decided(actor, action, resource, requestId);
  }

  /** The actor as it acts on this; a refusal is written down and thrown. */
  async #decided(actor: Actor, action: Action, resource: Resource, requestId: string | null): Promise<Actor> {
    const acting = actingOn(actor, action, resource.scope);
    const refusal = acting instanceof KeyholdError ? acting : (this.#staleSignIn(acting, action) ?? (await this.#refusal(action, resource.scope)));
    if (refusal !== undefined) {
      await this.#audit.denied({ actor, action, resource: visibleTo(actor, resource), requestId, code: refusal.code });
      throw refusal;
    }
    return acting instanceof KeyholdError ? actor : acting;
  }

  /**
   * Decides, writes the intent row, runs the operation with its grant, and writes the outcome row. Returns what the operation
   * returned. Throws `not_found` for another tenant's or an unknown tenant's things, `permission_denied` where the role may not,
   * `conflict` on a tenant that is going away, `unavailable` when the audit log cannot be written or Keyhold is sealed (the operation does not run),
   * and whatever the operation threw. An `urgent` operation (by the action table, or as the caller says of this one) that somebody asked for runs all
   * the same, with its rows in the emergency journal (S29).
   */
  async perform<T>(caller: Actor, action: Action, resource: Resource, requestId: string | null, operation: (grant: Grant) => Promise<T>, options: { readonly urgent?: boolean } = {}): Promise<T> {
    const actor = await this.#decided(caller, action, resource, requestId);
    if (!ruleOf(action).audited) return operation(makeGrant(this.#clock, actor, action, resource, requestId, null));
    // The product's own jobs can wait; what room there is, is for people.
    const urgent = actor.kind !== 'system' && (ruleOf(action).urgent === true || options.urgent === true);
    const intentId = await this.#audit.intent({ actor, action, resource, requestId }, { urgent });
    const grant = makeGrant(this.#clock, actor, action, resource, requestId, intentId);
    let result: T;
    try {
      // Sealed while the row was written.
      if (await this.#isStopped(action)) throw new InstallationSealed();
      result = await operation(grant);
    } catch (error) {
      const { code } = asKeyholdError(error);
      await this.#audit.outcome(intentId, code === 'permission_denied' ? 'denied' : 'failed', code);
      throw error;
    }
    await this.#audit.outcome(intentId, 'ok', null, grant.made);
    return result;
  }

  /**
   * The gateway's decision, without a row: the actor's own tenant, if it is alive. Throws, or rejects with, `permission_denied`, `not_found` or
   * InstallationSealed; there is nothing to wait for while the tenant's state is known.
   */
  authorizeUse(actor: Actor, requestId: string): Soon<UseGrant> {
    const { scope } = actor;
    if (scope.kind !== 'tenant') {
      if (actor.kind === 'user') throw new KeyholdError('permission_denied', 'The gateway takes a user\'s token where the user holds one role, in one tenant: otherwise it is not clear whose keys are meant. Call it with a gateway key.');
      throw new KeyholdError('permission_denied', 'Platform tokens do not use tenants\' keys. Call the gateway with a gateway key, or with a token of a tenant.');
    }
    const acting = actingOn(actor, 'gateway.use', scope);
    if (acting instanceof KeyholdError) throw acting;
    return after(this.#refusal('gateway.use', scope), (refusal) => {
      if (refusal !== undefined) throw refusal;
      return makeUseGrant(actor, scope.tenant, requestId);
    });
  }

  /** Tokens are not asked: there is nobody who could sign in again. */
  #staleSignIn({ authenticatedAt }: Actor, action: Action): KeyholdError | undefined {
    if (ruleOf(action).freshSignIn !== true || authenticatedAt === undefined || this.#clock.now() - authenticatedAt <= FRESH_MS) return undefined;
    return new KeyholdError('permission_denied', 'This needs a sign-in of the last ten minutes. Sign in again, then repeat it.', { details: { freshSignIn: true } });
  }

  /** Why it cannot be done now, whoever asks. */
  #refusal(action: Action, scope: Scope): Soon<KeyholdError | undefined> {
    const isStopped = this.#isStopped(action);
    if (scope.kind === 'platform' || isOwn(action)) return after(isStopped, (is) => (is ? new InstallationSealed() : undefined));
    return isStopped instanceof Promise ? isStopped.then((is) => this.#refusalOf(action, scope.tenant, is)) : this.#refusalOf(action, scope.tenant, isStopped);
  }

  #refusalOf(action: Action, tenant: string, isStopped: boolean): Soon<KeyholdError | undefined> {
    if (isStopped) return new InstallationSealed();
    return after(this.#tenants.stateOf(tenant), (state) => {
      if (state === undefined || state === 'deleted') return unknownTenant(tenant);
      if (!ruleOf(action).needsLiveTenant || state === 'active') return undefined;
      return state === 'suspended'
        ? new KeyholdError('permission_denied', `Tenant ${tenant} is suspended. A platform administrator can make it active again.`)
        : new KeyholdError('conflict', `Tenant ${tenant} is being deleted. Nothing new can be made in it.`);
    });
  }

  /** Asked only for what touches keys: everything else goes on, also where nobody can tell. */
  #isStopped(action: Action): Soon<boolean> {
    return ruleOf(action).touchesKeys === true ? this.#seal.isSealed() : false;
  }
}

/** Another tenant's name must not reach a log that its owner can read; the denial is the actor's own tenant's (R10.2). */
function visibleTo({ scope, holdings }: Actor, resource: Resource): Resource {
  const { scope: asked } = resource;
  if (asked.kind === 'platform') return resource;
  const isKnown = holdings === undefined ? scope.kind === 'platform' || scope.tenant === asked.tenant : holdings.some(({ scope: held }) => held.kind === 'platform' || held.tenant === asked.tenant);
  if (isKnown) return resource;
  return { scope: holdings === undefined ? scope : platformScope };
}
