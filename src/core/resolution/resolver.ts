import type { Clock } from '../../ports/clock.ts';
import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { CredentialRecord } from '../../ports/metadata/credentials.ts';
import type { PolicyRecord } from '../../ports/metadata/tenants.ts';
import { platformScope, type Scope, tenantScope } from '../../ports/scope.ts';
import type { SecretFields, SecretValue } from '../../ports/secret-value.ts';
import { after, type Soon } from '../../ports/soon.ts';
import type { UseGrant } from '../access/grant.ts';
import type { Service } from '../catalog/service.ts';
import { credentialKeyText } from '../credentials/credential-key.ts';
import { credentialState } from '../credentials/credential-view.ts';
import { inTime } from '../outages/in-time.ts';
import type { Source } from '../outages/source.ts';
import { CredentialPools, type CredentialPoolsDependencies, type Pool } from './credential-pools.ts';
import { CredentialValues, type CredentialValuesDependencies, ValueGone } from './credential-values.ts';
import { EnvironmentKeys, type EnvironmentKeysDependencies } from './environment-keys.ts';
import { explicitFields } from './explicit-key.ts';
import { type Candidate, FromRecord } from './from-record.ts';
import { absent, unusable } from './no-credential.ts';
import { chosenFrom, isOfferedTo } from './pool-choice.ts';
import type { Resolved } from './resolved.ts';

/** A credential that changes more often than this during one request is being rewritten in a loop. */
const ATTEMPTS = 4;
/** S11. */
const REFUSAL_PAUSE_MS = 30_000;
const MAX_REFUSALS = 10_000;
/** A caller whose key was refused waits no longer for whether somebody has replaced it in its store. */
const LOOK_MS = 1_000;

export interface ResolverDependencies extends CredentialPoolsDependencies, CredentialValuesDependencies {
  readonly policies: { policyOf(tenant: string): Soon<Pick<PolicyRecord, 'explicitKeys' | 'platformFallback'>>; staleMs(tenant: string): number };
  readonly ownKeys: EnvironmentKeysDependencies['ownKeys'];
  readonly offerEnvironmentKeys: boolean;
}

export interface Stale {
  /** Of the oldest record; 0 where all are within their time. */
  readonly recordsMs: number;
  readonly value: { readonly source: Source; readonly ageMs: number } | undefined;
}

export interface ResolveRequest {
  readonly service: Service;
  /** The caller's own provider key; it serves this request only (R0.4). */
  readonly explicitKey?: SecretValue | undefined;
}

/** Finds the key for a request, everywhere in the same order (R3.3). */
export class Resolver {
  readonly #clock: Clock;
  readonly #policies: ResolverDependencies['policies'];
  readonly #outside: ResolverDependencies['outside'];
  readonly #sources: ResolverDependencies['sources'];
  readonly #pools: CredentialPools;
  readonly #values: CredentialValues;
  readonly #environment: EnvironmentKeys;
  readonly #refusals = new Map<string, number>();

  constructor({ records, access, stores, policies, ownKeys, offerEnvironmentKeys, bus, clock, log, metrics, valueTtlMs, sources, shared, outside }: ResolverDependencies) {
    this.#clock = clock;
    this.#policies = policies;
    this.#outside = outside;
    this.#sources = sources;
    this.#pools = new CredentialPools({ records, bus, clock, metrics, sources });
    this.#values = new CredentialValues({ access, stores, bus, clock, log, metrics, valueTtlMs, sources, shared, outside });
    this.#environment = new EnvironmentKeys({ ownKeys, offered: offerEnvironmentKeys });
  }

  /**
   * The explicit key, else the tenant's credential, else the platform's where it is offered and the tenant's policy allows it, else, under
   * the same two conditions, the service's own key.
   * Throws `no_credential` with `details.reason` (`absent`, `disabled`, `expired`, `revoked`), `permission_denied` for an explicit key
   * against the policy, `unavailable` when a record or value cannot be read now, `corrupt` when the value is lost or unusable; or rejects with
   * them. There is nothing to wait for while everything is cached.
   */
  resolve(grant: UseGrant, { service, explicitKey }: ResolveRequest): Soon<Resolved> {
    if (explicitKey !== undefined) return this.#explicit(grant.tenant, service, explicitKey);
    const candidate = this.#candidate(grant.tenant, service);
    if (candidate instanceof Promise || candidate === undefined) return this.#resolve(grant, service, candidate);
    const fields = this.#values.of(grant, candidate.record, candidate.current);
    if (fields instanceof Promise || !this.#pools.isLatest(candidate.scope, service.id, candidate.pool)) return this.#resolve(grant, service, candidate, fields);
    return new FromRecord(grant, candidate, fields, this.#pools, this.#clock);
  }

  /** With what has been found out so far. */
  async #resolve(grant: UseGrant, service: Service, foundCandidate: Soon<Candidate | undefined>, foundFields?: Soon<SecretFields>): Promise<Resolved> {
    let lost: CredentialRecord | undefined;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const candidate = await (attempt === 0 ? foundCandidate : this.#candidate(grant.tenant, service));
      if (candidate === undefined) return this.#own(grant, service);
      try {
        const fields = await ((attempt === 0 ? foundFields : undefined) ?? this.#values.of(grant, candidate.record, candidate.current));
        // The value took its time; if anything was announced meanwhile, the records decide again (DESIGN «Cache»).
        if (this.#pools.isLatest(candidate.scope, service.id, candidate.pool)) return new FromRecord(grant, candidate, fields, this.#pools, this.#clock);
      } catch (error) {
        if (this.#pools.isLatest(candidate.scope, service.id, candidate.pool)) {
          if (!(error instanceof ValueGone)) throw error;
          if (isSame(lost, candidate.record)) throw this.#refusal(candidate.source, grant.tenant, service.id, error);
          // Perhaps replaced by somebody whose announcement did not arrive, or in the store itself: the record is read once more (R3.3).
          lost = candidate.record;
          await this.#look(candidate.record);
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
    if (!(resolved instanceof FromRecord)) return undefined;
    const { grant, candidate } = resolved;
    if (!this.#mayAskAgain(`${credentialKeyText(candidate.record)}/${candidate.current.version}`)) return undefined;
    await this.#look(candidate.record);
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

  /** What of a credential serves beyond its time; times in milliseconds since it was last confirmed. */
  staleOf(resolved: Resolved, tenant: string): Stale {
    const { source, service } = resolved;
    if (source === 'explicit') return { recordsMs: this.#policies.staleMs(tenant), value: undefined };
    const recordsMs = this.#recordsStaleMs(source, tenant, service.id);
    if (resolved instanceof FromRecord) return { recordsMs, value: this.#values.staleOf(resolved.candidate.record) };
    const ageMs = this.#environment.staleMs(service);
    const vault = ageMs === 0 ? undefined : this.#values.sourceOf('vault');
    return { recordsMs, value: vault === undefined ? undefined : { source: vault, ageMs } };
  }

  #recordsStaleMs(source: Candidate['source'] | 'environment', tenant: string, service: string): number {
    const ownMs = this.#pools.staleMs(tenantScope(tenant), service);
    return source === 'tenant' ? ownMs : Math.max(ownMs, this.#pools.staleMs(platformScope, service), this.#policies.staleMs(tenant));
  }

  /** A refusal is never told from records that may say something else by now. */
  #refusal(source: Candidate['source'], tenant: string, service: string, refusal: KeyholdError): KeyholdError {
    if (this.#recordsStaleMs(source, tenant, service) === 0) return refusal;
    return new KeyholdError('unavailable', `Whether tenant ${tenant} has a credential for ${service} cannot be read now. Send the request again in a moment.`, { cause: refusal, retryAfterSeconds: 2 });
  }

  #explicit(tenant: string, service: Service, key: SecretValue): Soon<Resolved> {
    return after(this.#policies.policyOf(tenant), ({ explicitKeys }) => {
      if (!explicitKeys && this.#policies.staleMs(tenant) > 0) throw new KeyholdError('unavailable', 'Whether this tenant allows keys in x-keyhold-api-key cannot be read now. Send the request again in a moment.', { retryAfterSeconds: 2 });
      return explicitly(service, key, explicitKeys);
    });
  }

  /** What is not told in time shows in the records later. */
  async #look(record: CredentialRecord): Promise<void> {
    if (this.#outside === undefined || this.#sources?.database.isAway === true) return;
    await inTime(this.#outside.lookAnew(record), LOOK_MS).catch(() => undefined);
  }

  /** undefined: neither the tenant nor the platform has one for it, and the tenant's policy allows the service's own. */
  #candidate(tenant: string, service: Service): Soon<Candidate | undefined> {
    const own = tenantScope(tenant);
    return after(this.#pools.of(own, service.id), (pool) => {
      const record = chosenFrom(pool);
      return record === undefined ? this.#platforms(tenant, service) : this.#serving('tenant', tenant, own, service, pool, record);
    });
  }

  #platforms(tenant: string, service: Service): Soon<Candidate | undefined> {
    return after(this.#pools.of(platformScope, service.id), (pool) => {
      const record = chosenFrom(pool.filter((offered) => isOfferedTo(offered, tenant)));
      return after(this.#policies.policyOf(tenant), ({ platformFallback }) => {
        if (!platformFallback) throw this.#refusal('platform', tenant, service.id, absent(tenant, service.id));
        return record === undefined ? undefined : this.#serving('platform', tenant, platformScope, service, pool, record);
      });
    });
  }

  #serving(source: 'tenant' | 'platform', tenant: string, scope: Scope, service: Service, pool: Pool, record: CredentialRecord): Candidate {
    const state = credentialState(record, this.#clock.now());
    if (state === 'disabled' || state === 'expired' || state === 'revoked') throw this.#refusal(source, tenant, service.id, unusable(source, tenant, service.id, state));
    if (record.current === null) throw new KeyholdError('internal', 'An active credential has no version.');
    return { source, scope, service, pool, record, current: record.current };
  }

  #own({ tenant }: UseGrant, service: Service): Resolved {
    const fields = this.#environment.fieldsOf(service);
    if (fields === undefined) throw this.#refusal('platform', tenant, service.id, absent(tenant, service.id));
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

/** The caller's own key, if the tenant's policy has it so. */
function explicitly(service: Service, key: SecretValue, allowed: boolean): Resolved {
  if (!allowed) {
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

/** Not changed since, as its edition tells: one that was deleted and recovered has the same version. */
function isSame(a: CredentialRecord | undefined, b: CredentialRecord): boolean {
  return a !== undefined && a.label === b.label && a.current?.id === b.current?.id && a.edition === b.edition;
}
