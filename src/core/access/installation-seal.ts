import { type Bus, DISTRUSTED_MS } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { Log } from '../../ports/log.ts';
import type { PlatformRecord, PlatformRepository } from '../../ports/metadata/sealed.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import type { Soon } from '../../ports/soon.ts';
import { type Loaded, RecordCache } from '../caching/record-cache.ts';
import type { Sources } from '../outages/sources.ts';
import { changeRecord } from '../versions/change-record.ts';
import { etagOf, type IfMatch } from '../versions/etag.ts';
import type { Grant } from './grant.ts';

export type SealRecord = Extract<PlatformRecord, { readonly name: 'seal' }>;

/** What is shown of the seal. Times are milliseconds since the epoch. */
export interface SealView extends Omit<SealRecord, 'name'> {
  readonly etag: string;
}

export interface InstallationSealDependencies {
  readonly platform: PlatformRepository;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly sources?: Sources | undefined;
}

/** As every record (DESIGN «Cache»). */
const TTL_MS = 10_000;
/** Well before that, so that no request has to wait. */
const LOOK_EVERY_MS = 5_000;
/** Between two lines that say that it could not be read. */
const SAY_EVERY_MS = 60_000;
const KEY = { name: 'seal' } as const;
const REASON = /^[^\p{Cc}\p{Cs}]{1,500}$/u;

/**
 * The emergency stop (S29): while it is sealed no key is used, read or written, until a platform administrator unseals it. It is one record, so it
 * outlives restarts. What a process knows of it is as fresh as any record that it goes by: at most 10 s old, or one while the bus is not trusted, so that one that
 * stood still looks before it goes on. It is read again ahead of that time, so nobody waits for it while all is well.
 */
export class InstallationSeal {
  readonly #platform: PlatformRepository;
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #listeners: (() => void)[] = [];
  readonly #cache: RecordCache<boolean>;
  #known: Stored<SealRecord> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #saidAt = -Infinity;

  private constructor({ platform, bus, clock, log, sources }: InstallationSealDependencies) {
    this.#platform = platform;
    this.#bus = bus;
    this.#clock = clock;
    this.#log = log;
    this.#cache = new RecordCache({ clock, ttlMs: TTL_MS, max: 2, bus, from: sources?.ofDatabase });
    bus.subscribe((message) => {
      if (message.topic === 'seal' && message.version > (this.#known?.revision ?? 0)) this.#cache.invalidate(KEY.name, message.version);
      // What is open hears of it although no request comes.
      if (message.topic === 'seal' || message.topic === 'missed') void this.#look();
    });
  }

  /** As the database says; an installation without a record is not sealed, and gets one. Throws `unavailable` when that cannot be read. */
  static async open(dependencies: InstallationSealDependencies): Promise<InstallationSeal> {
    const seal = new InstallationSeal(dependencies);
    await seal.isSealed();
    return seal;
  }

  /** What this process has learned last, for what asks again later anyway. Whoever is about to use a key asks `isSealed`. */
  get sealed(): boolean {
    return this.#known?.record.sealed === true;
  }

  /** Without a promise while there is nothing to wait for. Rejects with `unavailable` when it cannot be read, or only an older state than was announced. */
  isSealed(): Soon<boolean> {
    return this.#cache.get(KEY.name, this.#read);
  }

  /** How long ago it was confirmed, where it serves beyond its time; otherwise 0. */
  staleMs(): number {
    return this.#cache.staleMs(KEY.name);
  }

  /** Called whenever this process learns that it was sealed. */
  whenSealed(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Looks at the record now and then, should an announcement have been missed. Does not keep the process alive. */
  start(): void {
    let lookedAt = this.#clock.monotonic();
    this.#timer ??= setInterval(() => {
      const now = this.#clock.monotonic();
      if (this.#bus.trusted && now - lookedAt < LOOK_EVERY_MS) return;
      lookedAt = now;
      void this.#look();
    }, DISTRUSTED_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async show(grant: Grant): Promise<SealView> {
    grant.use('platform.read-seal');
    return viewOf(this.#take(await readOrMade(this.#platform, this.#clock)));
  }

  /** In force in this process when resolved. Sealing what is sealed changes nothing. Throws `invalid_argument`, `precondition_failed`. */
  async seal(grant: Grant, { reason, ifMatch }: { readonly reason: string; readonly ifMatch?: IfMatch | undefined }): Promise<SealView> {
    grant.use('platform.seal');
    if (!REASON.test(reason)) throw new KeyholdError('invalid_argument', 'reason says for people why, in 1 to 500 characters of one line.', { details: { property: 'reason' } });
    return this.#change(grant, { sealed: true, reason }, ifMatch);
  }

  /** The same the other way round. */
  async unseal(grant: Grant, { ifMatch }: { readonly ifMatch?: IfMatch | undefined }): Promise<SealView> {
    grant.use('platform.unseal');
    return this.#change(grant, { sealed: false, reason: null }, ifMatch);
  }

  async #change({ actor }: Grant, to: Pick<SealRecord, 'sealed' | 'reason'>, ifMatch: IfMatch | undefined): Promise<SealView> {
    const next: SealRecord = { name: 'seal', ...to, changedAt: this.#clock.now(), changedBy: actor.id };
    const stored = await changeRecord(this.#platform, KEY, {
      decide: (record) => (sealRecord(record).sealed === to.sealed ? undefined : next),
      missing: () => new KeyholdError('internal', 'The record of the seal is missing.'),
      announce: (version) => this.#bus.publish({ topic: 'seal', version }),
      ifMatch,
    });
    return viewOf(this.#take({ ...stored, record: sealRecord(stored.record) }));
  }

  readonly #read = async (): Promise<Loaded<boolean>> => {
    const { record, revision } = this.#take(await readOrMade(this.#platform, this.#clock));
    return { value: record.sealed, version: revision };
  };

  /** Never rejects: whoever is about to use a key finds out as well. */
  async #look(): Promise<void> {
    try {
      await this.#cache.renew(KEY.name, this.#read);
    } catch (error) {
      const now = this.#clock.monotonic();
      if (now - this.#saidAt < SAY_EVERY_MS) return;
      this.#saidAt = now;
      this.#log.warn('installation_seal_unknown', 'Whether Keyhold is sealed could not be read again; what was known last is in force as long as any record is', { code: asKeyholdError(error).code, error });
    }
  }

  /** The newest that is known. */
  #take(found: Stored<SealRecord>): Stored<SealRecord> {
    if (this.#known !== undefined && found.revision <= this.#known.revision) return this.#known;
    const was = this.sealed;
    this.#known = found;
    if (this.sealed === was) return found;
    const { changedBy: actor } = found.record;
    if (this.sealed) {
      for (const listener of this.#listeners) listener();
      this.#log.warn('installation_sealed', SEALED_TEXT, { actor });
    } else this.#log.warn('installation_unsealed', 'Keyhold is unsealed: keys are used again', { actor });
    return found;
  }
}

function viewOf({ record: { name: _name, ...shown }, revision }: Stored<SealRecord>): SealView {
  return { ...shown, etag: etagOf(revision) };
}

const SEALED_TEXT = 'Keyhold is sealed: no key is used, read or written until a platform administrator unseals it (keyhold unseal, or POST /api/v1/platform/unseal)';

async function readOrMade(platform: PlatformRepository, clock: Clock): Promise<Stored<SealRecord>> {
  const found = (await platform.get(KEY)) ?? (await made(platform, clock)) ?? (await platform.get(KEY));
  if (found === undefined) throw new KeyholdError('unavailable', 'The record of the seal cannot be read.');
  return { ...found, record: sealRecord(found.record) };
}

/** undefined when somebody else has made it meanwhile. */
async function made(platform: PlatformRepository, clock: Clock): Promise<Stored<PlatformRecord> | undefined> {
  try {
    return await platform.create(KEY, { name: 'seal', sealed: false, reason: null, changedAt: clock.now(), changedBy: 'first-start' });
  } catch (error) {
    if (asKeyholdError(error).code === 'already_exists') return undefined;
    throw error;
  }
}

function sealRecord(record: PlatformRecord): SealRecord {
  if (record.name !== 'seal') throw new KeyholdError('corrupt', 'The record of the seal holds something else. Restore the database from a backup.');
  return record;
}
