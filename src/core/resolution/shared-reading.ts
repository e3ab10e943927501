import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { CredentialRecord, CredentialRepository, CurrentVersion } from '../../ports/metadata/credentials.ts';
import type { Metrics } from '../../ports/metrics.ts';
import { secretNameText } from '../../ports/secret-store.ts';
import type { Access } from '../access/authorize.ts';
import type { UseGrant } from '../access/grant.ts';
import { credentialKeyText } from '../credentials/credential-key.ts';
import { credentialState } from '../credentials/credential-view.ts';
import type { SharedValues } from './shared-values.ts';

export interface SharedReadingDependencies {
  readonly shared: SharedValues;
  readonly records: Pick<CredentialRepository, 'get'>;
  readonly access: Access;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'cache'>;
}

type Found = Awaited<ReturnType<SharedValues['find']>>;

/** Reads values from where replicas share them, when their store cannot be asked: audited as any reading, and only while the database itself says that this version is active (S19). */
export class SharedReading {
  readonly #dependencies: SharedReadingDependencies;
  readonly #underWay = new Map<string, Promise<Found>>();

  constructor(dependencies: SharedReadingDependencies) {
    this.#dependencies = dependencies;
  }

  /** One reading of a version at a time. undefined where there is none; rejects where the database, or the audit log in it, cannot be asked. */
  read(grant: UseGrant, record: CredentialRecord, current: CurrentVersion): Promise<Found> {
    const key = `${credentialKeyText(record)}/${current.id}/${current.version}`;
    const known = this.#underWay.get(key);
    if (known !== undefined) return known;
    const reading = this.#read(grant, record, current).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, reading);
    return reading;
  }

  async #read(grant: UseGrant, record: CredentialRecord, current: CurrentVersion): Promise<Found> {
    const { shared, records, access, clock, log, metrics } = this.#dependencies;
    const found = await shared.find(record, current);
    metrics.cache({ cache: 'shared', hit: found !== undefined });
    if (found === undefined) return undefined;
    const { scope, service, label } = record;
    return access.perform(grant.actor, 'credential.fetch', { scope, service, label }, grant.requestId, async (fetch) => {
      fetch.use('credential.fetch');
      // Asked after the value was found: what changes from here on is announced, and the caller looks for that.
      const stored = (await records.get({ scope, service, label }))?.record;
      const isActive = stored?.current?.id === current.id && stored.current.version === current.version && credentialState(stored, clock.now()) === 'active';
      if (!isActive) return undefined;
      log.info('secret_retrieved', `Retrieved API key from the shared cache: ${secretNameText(record)}`, { requestId: grant.requestId });
      return found;
    });
  }
}
