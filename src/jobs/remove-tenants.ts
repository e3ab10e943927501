import { systemActor } from '../core/access/actor.ts';
import type { Access } from '../core/access/authorize.ts';
import type { TenantShredding } from '../core/keys/tenant-shredding.ts';
import type { GatewayKeyService } from '../core/access/gateway-key-service.ts';
import type { MemberService } from '../core/access/member-service.ts';
import type { TokenService } from '../core/access/token-service.ts';
import type { TenantService } from '../core/tenants/tenant-service.ts';
import { allRecords } from '../core/versions/all-records.ts';
import type { Bus } from '../ports/bus.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { GatewayKeyRepository, TokenRepository } from '../ports/metadata/access.ts';
import type { TenantRepository } from '../ports/metadata/tenants.ts';
import type { MembershipRepository } from '../ports/metadata/users.ts';
import { type Scope, tenantScope } from '../ports/scope.ts';
import type { LeasedJob } from './leased-job.ts';

export interface RemoveTenantsDependencies {
  readonly tenants: TenantRepository;
  readonly tokens: TokenRepository;
  readonly gatewayKeys: GatewayKeyRepository;
  /** Destroys a tenant's credentials and their values; true when none is left and no write of one is open. Safe to repeat. */
  readonly credentials: { purgeAll(tenant: string): Promise<boolean> };
  /** Forgets the vault that the tenant has brought. Safe to repeat. */
  readonly ownVaults: { removeAll(tenant: string): Promise<void> };
  /** Destroys the tenant's data keys, once nothing is written any more, and certifies that (S16). */
  readonly shredding: Pick<TenantShredding, 'finish'>;
  readonly memberships: Pick<MembershipRepository, 'list'>;
  readonly tenantService: TenantService;
  readonly tokenService: TokenService;
  readonly gatewayKeyService: GatewayKeyService;
  readonly memberService: MemberService;
  readonly access: Access;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
}

export interface RemovalCount {
  /** Tenants that became tombstones. */
  readonly removed: number;
  /** Tenants that need another run. */
  readonly waiting: number;
}

const EVERY_MS = 5_000;
/** Runs between two looks that nobody asked for: five minutes, for what another replica has begun and this one has not heard of. */
const LOOK_EVERY = 60;
const actor = systemActor('remove-tenants');

/**
 * How long a tenant stays in removal at least: a request that was let in before the removal began holds its grant for 5 s, and
 * another replica may believe for 10 s that the tenant is active. What they make is found by the run after that.
 */
const SETTLE_MS = 15_000;

/**
 * Ends what belongs to tenants in state `deleting` (R0.2), one audited step each, and leaves a tombstone when nothing is left. Every
 * step can be repeated, so that a run that died is simply followed by the next. Looks after each change of a tenant, every 5 s while one
 * waits, and every five minutes.
 */
export class RemoveTenants implements LeasedJob {
  readonly name = 'remove-tenants';
  readonly description = 'Ends the keys, tokens and credentials of tenants that are being removed, destroys their data keys, and leaves a tombstone.';
  readonly everyMs = EVERY_MS;
  readonly failure = { event: 'tenant_removal_failed', message: 'The tenants in removal could not be looked up. It is tried again in a few seconds' };
  readonly #dependencies: RemoveTenantsDependencies;
  readonly #begun = new Map<string, number>();
  #due = true;
  #runsToLook = LOOK_EVERY;

  constructor(dependencies: RemoveTenantsDependencies) {
    this.#dependencies = dependencies;
    dependencies.bus.subscribe(({ topic }) => {
      if (topic === 'tenant') this.#due = true;
    });
  }

  async run(mayGoOn: () => boolean): Promise<undefined> {
    this.#runsToLook -= 1;
    if (!this.#due && this.#runsToLook > 0) return;
    this.#runsToLook = LOOK_EVERY;
    try {
      await this.runOnce(mayGoOn);
    } catch (error) {
      this.#due = true;
      throw error;
    }
  }

  /** One pass over all tenants in removal. A tenant that fails is logged and waits for the next pass. */
  async runOnce(mayGoOn: () => boolean = () => true): Promise<RemovalCount> {
    this.#due = false;
    let removed = 0;
    let waiting = 0;
    for await (const { record } of allRecords((page) => this.#dependencies.tenants.list(page))) {
      if (!mayGoOn()) {
        this.#due = true;
        break;
      }
      if (record.state !== 'deleting') continue;
      if (await this.#sweep(record.id, mayGoOn)) removed += 1;
      else waiting += 1;
    }
    if (waiting > 0) this.#due = true;
    return { removed, waiting };
  }

  async #sweep(tenant: string, mayGoOn: () => boolean): Promise<boolean> {
    const { access, clock, credentials, log, ownVaults, shredding, tenantService } = this.#dependencies;
    const begun = this.#begun.get(tenant) ?? clock.monotonic();
    this.#begun.set(tenant, begun);
    try {
      const ended = (await this.#endKeysAndTokens(tenant)) === 0;
      const purged = await credentials.purgeAll(tenant);
      if (!ended || !purged || !mayGoOn() || clock.monotonic() - begun < SETTLE_MS) return false;
      await access.perform(actor, 'tenant.shred', { scope: tenantScope(tenant) }, null, (grant) => shredding.finish(grant));
      // The certificate says what that vault keeps, and so came first.
      await ownVaults.removeAll(tenant);
      await access.perform(actor, 'tenant.delete', { scope: tenantScope(tenant) }, null, (grant) => tenantService.finishRemoval(grant));
      this.#begun.delete(tenant);
      log.info('tenant_removed', 'A tenant has been removed. Its id is never used again', { tenantId: tenant });
      return true;
    } catch (error) {
      log.warn('tenant_removal_failed', 'A tenant could not be removed completely. It is tried again in a few seconds', { tenantId: tenant, error });
      return false;
    }
  }

  /** How many gateway keys and tokens were still alive, and users there. */
  async #endKeysAndTokens(tenant: string): Promise<number> {
    const { access, gatewayKeys, gatewayKeyService, memberships, memberService, tokens, tokenService } = this.#dependencies;
    const scope: Scope = tenantScope(tenant);
    let ended = 0;
    for await (const { record } of allRecords((page) => gatewayKeys.list(tenant, page))) {
      if (record.revokedAt !== null) continue;
      await access.perform(actor, 'gateway-key.revoke', { scope, id: record.id }, null, (grant) => gatewayKeyService.revoke(grant));
      ended += 1;
    }
    for await (const { record } of allRecords((page) => tokens.list(scope, page))) {
      if (record.revokedAt !== null) continue;
      await access.perform(actor, 'token.revoke', { scope, id: record.id }, null, (grant) => tokenService.revoke(grant));
      ended += 1;
    }
    for await (const { record } of allRecords((page) => memberships.list(tenant, page))) {
      await access.perform(actor, 'user.remove', { scope, id: record.user }, null, (grant) => memberService.remove(grant));
      ended += 1;
    }
    return ended;
  }
}
