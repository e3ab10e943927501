import type { Clock } from '../../ports/clock.ts';
import type { CredentialRecord, CurrentVersion } from '../../ports/metadata/credentials.ts';
import type { Scope } from '../../ports/scope.ts';
import type { SecretFields } from '../../ports/secret-value.ts';
import type { UseGrant } from '../access/grant.ts';
import type { Service } from '../catalog/service.ts';
import { credentialState } from '../credentials/credential-view.ts';
import type { CredentialPools, Pool } from './credential-pools.ts';
import { isOfferedTo } from './pool-choice.ts';
import type { Resolved } from './resolved.ts';

/** A credential that may serve, and the reading of the records that says so. */
export interface Candidate {
  readonly source: 'tenant' | 'platform';
  readonly scope: Scope;
  readonly service: Service;
  readonly pool: Pool;
  readonly record: CredentialRecord;
  readonly current: CurrentVersion;
}

/** Of a record: what it was found with stays with it, so that it can be asked for again and looked after while it serves. */
export class FromRecord implements Resolved {
  readonly grant: UseGrant;
  readonly candidate: Candidate;
  readonly fields: SecretFields;
  readonly #pools: CredentialPools;
  readonly #clock: Clock;

  constructor(grant: UseGrant, candidate: Candidate, fields: SecretFields, pools: CredentialPools, clock: Clock) {
    this.grant = grant;
    this.candidate = candidate;
    this.fields = fields;
    this.#pools = pools;
    this.#clock = clock;
  }

  get source(): 'tenant' | 'platform' {
    return this.candidate.source;
  }

  get service(): Service {
    return this.candidate.service;
  }

  get credentialId(): string {
    return this.candidate.current.id;
  }

  get credentialVersion(): number {
    return this.candidate.current.version;
  }

  get label(): string {
    return this.candidate.record.label;
  }

  get settings(): CurrentVersion['settings'] {
    return this.candidate.current.settings;
  }

  isCurrent(): boolean {
    const { scope, service, record: served, current } = this.candidate;
    const pool = this.#pools.known(scope, service.id);
    if (pool === undefined) return true;
    const record = pool.find((member) => member.label === served.label);
    if (record?.current?.id !== current.id || credentialState(record, this.#clock.now()) !== 'active') return false;
    return scope.kind === 'tenant' || isOfferedTo(record, this.grant.tenant);
  }
}
