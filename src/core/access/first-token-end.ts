import type { Bus } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { Log } from '../../ports/log.ts';
import type { TokenRecord, TokenRepository } from '../../ports/metadata/access.ts';
import type { PlatformRepository } from '../../ports/metadata/sealed.ts';
import { platformScope } from '../../ports/scope.ts';
import { changeRecord } from '../versions/change-record.ts';
import { systemActor } from './actor.ts';
import type { Access } from './authorize.ts';
import type { FirstTokenOutlet } from './first-start.ts';
import type { Grant } from './grant.ts';
import type { PlatformAdministrators } from './platform-administrators.ts';

export interface FirstTokenEndDependencies {
  readonly platform: PlatformRepository;
  readonly tokens: TokenRepository;
  readonly administrators: Pick<PlatformAdministrators, 'leave'>;
  readonly access: Access;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly outlet: Pick<FirstTokenOutlet, 'discard'>;
}

/**
 * Ends the first token and the file that holds it, when 24 h are over or a platform-admin token made by the API is first used (S28).
 * Safe to ask again and again, by any number of replicas.
 */
export class FirstTokenEnd {
  readonly #dependencies: FirstTokenEndDependencies;
  #over = false;
  #ending: Promise<void> | undefined;

  constructor(dependencies: FirstTokenEndDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * A platform-admin token made by the API was used: resolves when the first token has ended. Never rejects; when ending it failed,
   * the next use tries again.
   */
  async adminTokenUsed(): Promise<void> {
    if (this.#over) return;
    this.#ending ??= this.#endNow().finally(() => {
      this.#ending = undefined;
    });
    await this.#ending;
  }

  /** Removes the file once the token has ended. Resolves with whether that is done; rejects when it cannot find out. */
  async tidyUp(): Promise<boolean> {
    if (this.#over) return true;
    const token = await this.#firstToken();
    if (token === 'pending' || (token !== undefined && this.#isActive(token))) return false;
    if (token !== undefined) await this.#dependencies.outlet.discard(token.id);
    this.#over = true;
    return true;
  }

  async #endNow(): Promise<void> {
    const { access, log } = this.#dependencies;
    try {
      const token = await this.#firstToken();
      if (token === 'pending') return;
      if (token !== undefined && this.#isActive(token)) {
        const resource = { scope: platformScope, id: token.id };
        await access.perform(systemActor('first-token'), 'token.revoke', resource, null, (grant) => this.#revoke(grant, token.id));
        log.info('first_token_ended', 'The first administrator token has ended, since another one is in use', { actor: 'first-token' });
      }
      await this.tidyUp();
    } catch (error) {
      log.warn('first_token_not_ended', 'The first administrator token could not be ended. The next use of an administrator token tries again', { error });
    }
  }

  /** undefined: there never was one; `pending`: the first start has not written it yet. */
  async #firstToken(): Promise<TokenRecord | 'pending' | undefined> {
    const { platform, tokens } = this.#dependencies;
    const first = await platform.get({ name: 'first-start' });
    if (first?.record.name !== 'first-start') return undefined;
    const stored = await tokens.get({ id: first.record.tokenId });
    if (stored === undefined) return 'pending';
    return stored.record.origin === 'first' ? stored.record : undefined;
  }

  #isActive({ revokedAt, expiresAt }: TokenRecord): boolean {
    return revokedAt === null && (expiresAt === null || this.#dependencies.clock.now() < expiresAt);
  }

  async #revoke(grant: Grant, id: string): Promise<void> {
    grant.use('token.revoke');
    const { administrators, tokens, bus, clock } = this.#dependencies;
    // The token that is in use may be about to end, too.
    await administrators.leave(id);
    await changeRecord(tokens, { id }, {
      decide: (record) => (record.revokedAt === null ? { ...record, revokedAt: clock.now() } : undefined),
      missing: () => new KeyholdError('not_found', 'There is no token with this id.'),
      announce: (version) => bus.publish({ topic: 'token', id, version }),
    });
  }
}
