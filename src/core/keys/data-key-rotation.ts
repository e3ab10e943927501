import type { Clock, RandomBytes } from '../../ports/clock.ts';
import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { DataKeyRotationRecord, PlatformRepository } from '../../ports/metadata/sealed.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import type { TenantRepository } from '../../ports/metadata/tenants.ts';
import type { Scope } from '../../ports/scope.ts';
import { systemActor } from '../access/actor.ts';
import type { Access } from '../access/authorize.ts';
import type { Grant } from '../access/grant.ts';
import type { DataKeys } from '../crypto/data-keys.ts';
import type { DataKeyUser } from './reseal-values.ts';
import { scopesOf } from './scopes.ts';
import type { KeyStepHook } from './steps.ts';
import { wipeIfPossible, type Wiping } from './wiping.ts';

const KEY = { name: 'data-key-rotation' } as const;
const actor = systemActor('rotate-data-keys');

export interface DataKeyRotationDependencies extends Wiping {
  readonly platform: PlatformRepository;
  readonly tenants: TenantRepository;
  readonly dataKeys: DataKeys;
  /** Everything that is sealed under data keys. A key is destroyed only when none of them uses it. */
  readonly users: readonly DataKeyUser[];
  readonly access: Access;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly step: KeyStepHook;
}

type Count = Pick<DataKeyRotationRecord, 'resealed' | 'destroyedKeys' | 'waiting' | 'unreadable'>;

const none: Count = { resealed: 0, destroyedKeys: 0, waiting: 0, unreadable: 0 };

/**
 * Gives scopes new data keys, seals everything again under them, and destroys the old ones (S14). One record says what is under way; each step
 * can be repeated, so that a process that died is followed by the next one, which goes over all scopes once more.
 */
export class DataKeyRotation {
  readonly #dependencies: DataKeyRotationDependencies;

  constructor(dependencies: DataKeyRotationDependencies) {
    this.#dependencies = dependencies;
  }

  /** Begins one; a job does the work. The same that is under way is left as it is. Throws `conflict` while another is, `not_found` for no such tenant. */
  async begin(grant: Grant, tenant: string | null): Promise<DataKeyRotationRecord> {
    grant.use('data-keys.rotate');
    const { platform, tenants, random, clock, step } = this.#dependencies;
    const state = tenant === null ? 'active' : (await tenants.get({ tenant }))?.record.state;
    if (state === undefined || state === 'deleted') throw new KeyholdError('not_found', `There is no tenant ${tenant}.`);
    const before = await this.#stored();
    if (before !== undefined && before.record.finishedAt === null) {
      if (before.record.tenant === tenant) return before.record;
      throw new KeyholdError('conflict', 'New data keys are being made already, for other tenants. Wait until that is finished: GET /api/v1/platform/keys/data-rotation.');
    }
    const record: DataKeyRotationRecord = {
      ...KEY,
      id: random(8).toString('hex'),
      tenant,
      startedAt: clock.now(),
      startedBy: grant.actor.id,
      finishedAt: null,
      ...none,
    };
    await (before === undefined ? platform.create(KEY, record) : platform.replace(KEY, record, before.revision));
    await step('data.begun');
    return record;
  }

  /** The one that is under way, or the last one; undefined when there never was one. */
  async last(): Promise<DataKeyRotationRecord | undefined> {
    return (await this.#stored())?.record;
  }

  /**
   * Does what is left of the one that is under way; false when there is none. Throws when a part cannot be done now: the next run does it, and
   * what was left when `mayGoOn` said no.
   */
  async runOnce(mayGoOn: () => boolean = () => true): Promise<boolean> {
    const { platform, tenants, clock, log, step } = this.#dependencies;
    const stored = await this.#stored();
    if (stored === undefined || stored.record.finishedAt !== null) return false;
    const { record, revision } = stored;
    let total = none;
    for await (const scope of scopesOf(tenants, record.tenant)) {
      if (!mayGoOn()) return true;
      total = sum(total, await this.#rotate(scope, record.id));
    }
    await this.#wipe();
    await platform.replace(KEY, { ...record, ...total, finishedAt: clock.now() }, revision);
    log.info('data_keys_rotated', 'Everything is sealed under new data keys, and the old ones are destroyed', { count: total.resealed });
    await step('data.finished');
    return true;
  }

  async #rotate(scope: Scope, rotation: string): Promise<Count> {
    const { dataKeys, step } = this.#dependencies;
    if ((await dataKeys.list(scope)).length === 0) return none;
    try {
      if (!(await this.#audited(scope, () => dataKeys.renew(scope, rotation)))) return none;
      await step('data.renewed');
      let count = await this.#reseal(scope);
      const old = (await dataKeys.list(scope)).slice(0, -1);
      for (const { id } of old) await dataKeys.retire(scope, id);
      await step('data.retired');
      // What was kept while the pages were gone through; from here on nothing new comes under the old keys.
      if (old.length > 0) count = { ...count, resealed: count.resealed + (await this.#reseal(scope)).resealed };
      return { ...count, destroyedKeys: await this.#destroyUnused(scope) };
    } catch (error) {
      // A tenant that went away meanwhile takes its keys along.
      if (asKeyholdError(error).code === 'not_found') return none;
      throw error;
    }
  }

  /**
   * Destroys retired keys that nothing is sealed under any more: what a vault kept under them has been written anew and destroyed there since.
   * Gives how many. Ends early once `mayGoOn` says no.
   */
  async sweep(mayGoOn: () => boolean = () => true): Promise<number> {
    let destroyed = 0;
    for await (const scope of scopesOf(this.#dependencies.tenants, null)) {
      if (!mayGoOn()) break;
      destroyed += await this.#destroyUnused(scope);
    }
    if (destroyed > 0) await this.#wipe();
    return destroyed;
  }

  #wipe(): Promise<void> {
    return wipeIfPossible(this.#dependencies, 'Old data keys are');
  }

  async #destroyUnused(scope: Scope): Promise<number> {
    const { dataKeys, users, step } = this.#dependencies;
    const old = (await dataKeys.list(scope)).slice(0, -1).filter(({ isRetired }) => isRetired);
    if (old.length === 0) return 0;
    const used = new Set((await Promise.all(users.map((user) => user.keysInUse(scope)))).flatMap((keys) => [...keys]));
    const unused = old.filter(({ id }) => !used.has(id));
    for (const { id } of unused) {
      await this.#audited(scope, () => dataKeys.destroy(scope, id));
      await step('data.destroyed');
    }
    return unused.length;
  }

  async #reseal(scope: Scope): Promise<Count> {
    const { dataKeys, users, step } = this.#dependencies;
    const to = await dataKeys.current(scope);
    let count = none;
    for (const user of users) {
      let after: string | undefined;
      do {
        const page = await this.#audited(scope, () => user.reseal(scope, to, after));
        count = sum(count, { ...page, destroyedKeys: 0 });
        after = page.next;
        await step('data.resealed');
      } while (after !== undefined);
    }
    return count;
  }

  #audited<T>(scope: Scope, work: () => Promise<T>): Promise<T> {
    return this.#dependencies.access.perform(actor, 'data-keys.reseal', { scope }, null, async (grant) => {
      grant.use('data-keys.reseal');
      return work();
    });
  }

  async #stored(): Promise<Stored<DataKeyRotationRecord> | undefined> {
    const stored = await this.#dependencies.platform.get(KEY);
    if (stored === undefined) return undefined;
    if (stored.record.name !== 'data-key-rotation') throw new KeyholdError('internal', 'The database gave another record than the last rotation of data keys.');
    return { record: stored.record, revision: stored.revision };
  }
}

function sum(one: Count, other: Count): Count {
  return { resealed: one.resealed + other.resealed, destroyedKeys: one.destroyedKeys + other.destroyedKeys, waiting: one.waiting + other.waiting, unreadable: one.unreadable + other.unreadable };
}
