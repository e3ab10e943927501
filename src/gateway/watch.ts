import type { Actor } from '../core/access/actor.ts';
import { InstallationSealed } from '../core/access/installation-sealed.ts';
import { asKeyholdError, KeyholdError } from '../ports/errors.ts';
import type { GatewayDependencies } from './gateway-dependencies.ts';
import type { VisitList } from './visit-list.ts';

/** S10 gives a second. */
const EVERY_MS = 400;

export interface WatchDependencies extends Pick<GatewayDependencies, 'principals' | 'access'> {
  readonly visits: Pick<VisitList, 'all'>;
}

/**
 * Ends what is under way for somebody, or with a key, that may not go on: a revoked, disabled or expired credential, gateway key or
 * token, a suspended tenant (S10), a sealed installation. Looks at what this process knows, so an outage of the database ends nothing.
 */
export class Watch {
  readonly #dependencies: WatchDependencies;
  readonly #timer: NodeJS.Timeout;
  #looking = false;

  constructor(dependencies: WatchDependencies) {
    this.#dependencies = dependencies;
    this.#timer = setInterval(() => void this.#look(), EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const ended = new Map<string, KeyholdError | undefined>();
    // What begins while this looks is looked at next time.
    for (const { exchange, actor, requestId } of this.#dependencies.visits.all()) {
      if (exchange === undefined || actor === undefined) continue;
      if (!exchange.isCurrent) {
        exchange.cutOff(new KeyholdError('no_credential', 'The credential that served this request was taken out of use.'));
        continue;
      }
      const key = keyOf(actor);
      if (!ended.has(key)) ended.set(key, await this.#refusal(actor, requestId));
      const refusal = ended.get(key);
      if (refusal !== undefined) exchange.cutOff(refusal);
    }
    this.#looking = false;
  }

  /** Why this actor's requests end now; undefined while they may go on. */
  async #refusal(actor: Actor, requestId: string): Promise<KeyholdError | undefined> {
    try {
      if (!(await this.#dependencies.principals.mayGoOn(actor))) return new KeyholdError('unauthenticated', 'The key that this request came with has ended.');
      await this.#dependencies.access.authorizeUse(actor, requestId);
      return undefined;
    } catch (error) {
      const refusal = asKeyholdError(error);
      return refusal instanceof InstallationSealed || refusal.code === 'permission_denied' || refusal.code === 'not_found' || refusal.code === 'conflict' ? refusal : undefined;
    }
  }
}

/** Of requests with the same one the answer is the same. Whose keys they use belongs to it: a user's one role, or a certificate's, may have been in another tenant when one began. */
function keyOf({ kind, id, scope, signIn, certificate }: Actor): string {
  return `${kind}/${id}/${scope.kind === 'tenant' ? scope.tenant : ''}/${signIn?.at ?? ''}/${signIn?.until ?? ''}/${certificate?.sha256 ?? ''}`;
}
