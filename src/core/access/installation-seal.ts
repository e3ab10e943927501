import { type Bus, DISTRUSTED_MS } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { Log } from '../../ports/log.ts';
import type { PlatformRecord, PlatformRepository } from '../../ports/metadata/sealed.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
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
}

/** Records are believed for 10 s; an announcement is heard at once, unless the bus says that it may not be. */
const LOOK_EVERY_MS = 10_000;
const KEY = { name: 'seal' } as const;
const REASON = /^[^\p{Cc}\p{Cs}]{1,500}$/u;

/**
 * The emergency stop (S29): while it is sealed no key is used, read or written, until a platform administrator unseals it. It is one record, so it
 * outlives restarts; what this process knows of it is a flag that nobody waits for.
 */
export class InstallationSeal {
  readonly #platform: PlatformRepository;
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #listeners: (() => void)[] = [];
  #known: Stored<SealRecord>;
  #timer: NodeJS.Timeout | undefined;

  private constructor({ platform, bus, clock, log }: InstallationSealDependencies, known: Stored<SealRecord>) {
    this.#platform = platform;
    this.#bus = bus;
    this.#clock = clock;
    this.#log = log;
    this.#known = known;
    bus.subscribe((message) => {
      if (message.topic === 'missed' || (message.topic === 'seal' && message.version > this.#known.revision)) void this.#look();
    });
  }

  /** As the database says; an installation without a record is not sealed, and gets one. Throws `unavailable` when that cannot be read. */
  static async open(dependencies: InstallationSealDependencies): Promise<InstallationSeal> {
    const { platform, clock, log } = dependencies;
    const seal = new InstallationSeal(dependencies, await readOrMade(platform, clock));
    if (seal.sealed) log.warn('installation_sealed', SEALED_TEXT);
    return seal;
  }

  get sealed(): boolean {
    return this.#known.record.sealed;
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
    this.#take(await readOrMade(this.#platform, this.#clock));
    return this.#view();
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
    this.#take({ ...stored, record: sealRecord(stored.record) });
    return this.#view();
  }

  /** What cannot be read leaves everything as it is known. */
  async #look(): Promise<void> {
    try {
      this.#take(await readOrMade(this.#platform, this.#clock));
    } catch (error) {
      this.#log.warn('installation_seal_unknown', 'Whether Keyhold is sealed could not be read again; what was known last is in force', { code: asKeyholdError(error).code, error });
    }
  }

  #take(found: Stored<SealRecord>): void {
    if (found.revision <= this.#known.revision) return;
    const was = this.sealed;
    this.#known = found;
    if (this.sealed === was) return;
    const { changedBy: actor } = found.record;
    if (!this.sealed) {
      this.#log.warn('installation_unsealed', 'Keyhold is unsealed: keys are used again', { actor });
      return;
    }
    for (const listener of this.#listeners) listener();
    this.#log.warn('installation_sealed', SEALED_TEXT, { actor });
  }

  #view(): SealView {
    const { record: { name: _name, ...shown }, revision } = this.#known;
    return { ...shown, etag: etagOf(revision) };
  }
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
