import type { Clock } from '../../ports/clock.ts';
import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { CredentialRecord, CurrentVersion } from '../../ports/metadata/credentials.ts';
import type { PolicyRecord } from '../../ports/metadata/tenants.ts';
import { platformScope, type Scope, tenantScope } from '../../ports/scope.ts';
import type { SecretValue } from '../../ports/secret-value.ts';
import type { UseGrant } from '../access/grant.ts';
import type { Service } from '../catalog/service.ts';
import { credentialKeyText } from '../credentials/credential-key.ts';
import { credentialState } from '../credentials/credential-view.ts';
import { CredentialPools, type CredentialPoolsDependencies, type Pool } from './credential-pools.ts';
import { CredentialValues, type CredentialValuesDependencies, ValueGone } from './credential-values.ts';
import { EnvironmentKeys, type EnvironmentKeysDependencies } from './environment-keys.ts';
import { explicitFields } from './explicit-key.ts';
import { absent, unusable } from './no-credential.ts';
import { chosenFrom, isOfferedTo } from './pool-choice.ts';
import type { Resolved } from './resolved.ts';

/** A credential that changes more often than this during one request is being rewritten in a loop. */
const ATTEMPTS = 4;
/** S11. */
const REFUSAL_PAUSE_MS = 30_000;
const MAX_REFUSALS = 10_000;

export interface ResolverDependencies extends CredentialPoolsDependencies, CredentialValuesDependencies {
  readonly policies: { policyOf(tenant: string): Promise<Pick<PolicyRecord, 'explicitKeys' | 'platformFallback'>> };
  readonly ownKeys: EnvironmentKeysDependencies['ownKeys'];
  readonly offerEnvironmentKeys: boolean;
}

export interface ResolveRequest {
  readonly service: Service;
  /** The caller's own provider key; it serves this request only (R0.4). */
  readonly explicitKey?: SecretValue | undefined;
}

/** A credential that may serve, and the reading of the records that says so. */
interface Candidate {
  readonly source: 'tenant' | 'platform';
  readonly scope: Scope;
  readonly service: Service;
  readonly pool: Pool;
  readonly record: CredentialRecord;
  readonly current: CurrentVersion;
}

/** Finds the key for a request, everywhere in the same order (R3.3). */
export class Resolver {
  readonly #clock: Clock;
  readonly #policies: ResolverDependencies['policies'];
  readonly #outside: ResolverDependencies['outside'];
  readonly #pools: CredentialPools;
  readonly #values: CredentialValues;
  readonly #environment: EnvironmentKeys;
  readonly #origins = new WeakMap<Resolved, { readonly grant: UseGrant; readonly candidate: Candidate }>();
  readonly #refusals = new Map<string, number>();

  constructor({ records, access, stores, policies, ownKeys, offerEnvironmentKeys, bus, clock, log, metrics, outside }: ResolverDependencies) {
    this.#clock = clock;
    this.#policies = policies;
    this.#outside = outside;
    this.#pools = new CredentialPools({ records, bus, clock, metrics });
    this.#values = new CredentialValues({ access, stores, bus, clock, log, metrics, outside });
    this.#environment = new EnvironmentKeys({ ownKeys, offered: offerEnvironmentKeys });
  }

  /**
   * The explicit key, else the tenant's credential, else the platform's where it is offered and the tenant's policy allows it, else, under
   * the same two conditions, the service's own key.
   * Throws `no_credential` with `details.reason` (`absent`, `disabled`, `expired`, `revoked`), `permission_denied` for an explicit key
   * against the policy, `unavailable` when a record or value cannot be read now, `corrupt` when the value is lost or unusable.
   */
  async resolve(grant: UseGrant, { service, explicitKey }: ResolveRequest): Promise<Resolved> {
    if (explicitKey !== undefined) return this.#explicit(grant, service, explicitKey);
    let lost: CurrentVersion | undefined;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const candidate = await this.#candidate(grant.tenant, service);
      if (candidate === undefined) return this.#own(grant, service);
      try {
        const fields = await this.#values.of(grant, candidate.record, candidate.current);
        // The value took its time; if anything was announced meanwhile, the records decide again (DESIGN «Cache»).
        if (this.#pools.isLatest(candidate.scope, service.id, candidate.pool)) return this.#resolved(grant, candidate, fields);
      } catch (error) {
        if (this.#pools.isLatest(candidate.scope, service.id, candidate.pool)) {
          if (!(error instanceof ValueGone) || isSameVersion(lost, candidate.current)) throw error;
          // Perhaps replaced by somebody whose announcement did not arrive, or in the store itself: the record is read once more (R3.3).
          lost = candidate.current;
          await this.#outside?.look(candidate.record);
          this.#pools.forget(candidate.scope, service.id);
        }
      }
    }
    throw new KeyholdError('unavailable', `The credential for ${service.id} is being changed just now. Send the request again.`, { retryAfterSeconds: 1 });
  }

  /** No tenant's or platform's value stays in this process's memory. */
  forgetValues(): void {
    this.#values.forgetAll();
  }

  /**
   * After the provider refused the key: the credential as it is in the database now, if that is another version or credential than
   * was used; undefined otherwise, and when this version was asked for within the last 30 s (S11).
   */
  async refreshAfterRefusal(resolved: Resolved): Promise<Resolved | undefined> {
    if (resolved.source === 'environment') return this.#ownAgain(resolved);
    const origin = this.#origins.get(resolved);
    if (origin === undefined) return undefined;
    const { grant, candidate } = origin;
    if (!this.#mayAskAgain(`${credentialKeyText(candidate.record)}/${candidate.current.version}`)) return undefined;
    await this.#outside?.look(candidate.record);
    this.#pools.forget(candidate.scope, candidate.service.id);
    try {
      const again = await this.resolve(grant, { service: candidate.service });
      const same = again.credentialId === resolved.credentialId && again.credentialVersion === resolved.credentialVersion;
      return same ? undefined : again;
    } catch (error) {
      // Nothing to try instead: the provider's refusal is the answer.
      if (['no_credential', 'unavailable', 'corrupt'].includes(asKeyholdError(error).code)) return undefined;
      throw error;
    }
  }

  /** undefined: neither the tenant nor the platform has one for it, and the tenant's policy allows the service's own. */
  async #candidate(tenant: string, service: Service): Promise<Candidate | undefined> {
    const own = tenantScope(tenant);
    const ownPool = await this.#pools.of(own, service.id);
    const ownRecord = chosenFrom(ownPool);
    if (ownRecord !== undefined) return this.#serving('tenant', tenant, own, service, ownPool, ownRecord);

    const pool = await this.#pools.of(platformScope, service.id);
    const record = chosenFrom(pool.filter((offered) => isOfferedTo(offered, tenant)));
    const { platformFallback } = await this.#policies.policyOf(tenant);
    if (!platformFallback) throw absent(tenant, service.id);
    if (record === undefined) return undefined;
    return this.#serving('platform', tenant, platformScope, service, pool, record);
  }

  #serving(source: 'tenant' | 'platform', tenant: string, scope: Scope, service: Service, pool: Pool, record: CredentialRecord): Candidate {
    const state = credentialState(record, this.#clock.now());
    if (state === 'disabled' || state === 'expired' || state === 'revoked') throw unusable(source, tenant, service.id, state);
    if (record.current === null) throw new KeyholdError('internal', 'An active credential has no version.');
    return { source, scope, service, pool, record, current: record.current };
  }

  #resolved(grant: UseGrant, candidate: Candidate, fields: Resolved['fields']): Resolved {
    const { source, scope, service, record, current } = candidate;
    const resolved: Resolved = {
      source,
      service,
      credentialId: current.id,
      credentialVersion: current.version,
      label: record.label,
      fields,
      settings: current.settings,
      isCurrent: () => this.#mayGoOn(grant.tenant, scope, service, record.label, current.id),
    };
    this.#origins.set(resolved, { grant, candidate });
    return resolved;
  }

  #mayGoOn(tenant: string, scope: Scope, service: Service, label: string, id: string): boolean {
    const pool = this.#pools.known(scope, service.id);
    if (pool === undefined) return true;
    const record = pool.find((member) => member.label === label);
    if (record?.current?.id !== id || credentialState(record, this.#clock.now()) !== 'active') return false;
    return scope.kind === 'tenant' || isOfferedTo(record, tenant);
  }

  async #explicit(grant: UseGrant, service: Service, key: SecretValue): Promise<Resolved> {
    const { explicitKeys } = await this.#policies.policyOf(grant.tenant);
    if (!explicitKeys) {
      throw new KeyholdError('permission_denied', 'This tenant\'s policy does not allow keys in x-keyhold-api-key. Leave the header out, or ask a tenant administrator to set explicitKeys.');
    }
    return {
      source: 'explicit',
      service,
      credentialId: null,
      credentialVersion: null,
      label: null,
      fields: explicitFields(service, key),
      settings: {},
      isCurrent: () => true,
    };
  }

  #own({ tenant }: UseGrant, service: Service): Resolved {
    const fields = this.#environment.fieldsOf(service);
    if (fields === undefined) throw absent(tenant, service.id);
    return this.#resolvedOwn(service, fields);
  }

  async #ownAgain({ service, fields }: Resolved): Promise<Resolved | undefined> {
    if (!this.#mayAskAgain(`environment/${service.id}`)) return undefined;
    const newer = await this.#environment.newerThan(service, fields);
    return newer === undefined ? undefined : this.#resolvedOwn(service, newer);
  }

  #resolvedOwn(service: Service, fields: Resolved['fields']): Resolved {
    return { source: 'environment', service, credentialId: null, credentialVersion: null, label: null, fields, settings: {}, isCurrent: () => this.#environment.mayGoOn(service) };
  }

  #mayAskAgain(key: string): boolean {
    const now = this.#clock.monotonic();
    const last = this.#refusals.get(key);
    if (last !== undefined && now - last < REFUSAL_PAUSE_MS) return false;
    this.#refusals.delete(key);
    this.#refusals.set(key, now);
    for (const oldest of this.#refusals.keys()) {
      if (this.#refusals.size <= MAX_REFUSALS) break;
      this.#refusals.delete(oldest);
    }
    return true;
  }
}

function isSameVersion(a: CurrentVersion | undefined, b: CurrentVersion): boolean {
  return a !== undefined && a.id === b.id && a.version === b.version;
}
