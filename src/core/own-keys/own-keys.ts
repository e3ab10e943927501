import type { Clock } from '../../ports/clock.ts';
import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { Log } from '../../ports/log.ts';
import type { OwnKeySource, OwnKeyValues } from '../../ports/own-keys.ts';
import type { SecretValue } from '../../ports/secret-value.ts';

/** How long what was read from Vault counts (R2.3). */
const TTL_MS = 5 * 60 * 1000;

export interface OwnKeysDependencies {
  readonly environment: OwnKeySource;
  /** Comes first; undefined where no Vault is switched on. */
  readonly vault?: OwnKeySource | undefined;
  /** How long what was read from Vault serves when it cannot be read again, where the environment has no such key; 0: not beyond its time. */
  readonly staleLimitMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** What Vault said, and when the reading of it began. */
interface Reading extends OwnKeyValues {
  readonly at: number;
}

/**
 * The service's own keys (R2.3): from Vault, and what it does not hold from the environment. While Vault cannot be reached for longer than its values
 * count, from the environment, and what only Vault had serves on as tenants' keys do.
 */
export class OwnKeys {
  readonly #environment: OwnKeySource;
  readonly #vault: OwnKeySource | undefined;
  readonly #staleLimitMs: number;
  readonly #clock: Clock;
  readonly #log: Log;
  #inEnvironment: OwnKeyValues = { values: new Map(), version: null };
  #inVault: Reading | undefined;
  /** What was said last of where the keys come from. */
  #told: 'vault' | 'environment' | undefined;
  #underWay: Promise<boolean> | undefined;

  constructor({ environment, vault, staleLimitMs, clock, log }: OwnKeysDependencies) {
    this.#environment = environment;
    this.#vault = vault;
    this.#staleLimitMs = staleLimitMs;
    this.#clock = clock;
    this.#log = log;
  }

  /** Reads everything again, one reading at a time. Whether that succeeded; a failure is logged, and never thrown. */
  refresh(): Promise<boolean> {
    this.#underWay ??= this.#read().finally(() => (this.#underWay = undefined));
    return this.#underWay;
  }

  /**
   * The key of this name; undefined where there is none. Throws `unavailable` while only Vault could tell and cannot be asked: an outage
   * is never taken for «no such key».
   */
  find(name: string): SecretValue | undefined {
    const reading = this.#inVault;
    const inEnvironment = this.#inEnvironment.values.get(name);
    if (this.#vault === undefined) return inEnvironment;
    if (reading !== undefined && this.#isFresh(reading)) return reading.values.get(name) ?? inEnvironment;
    if (inEnvironment !== undefined) return inEnvironment;
    const outlived = reading === undefined || this.#ageMs(reading) >= this.#staleLimitMs ? undefined : reading.values.get(name);
    if (outlived !== undefined) return outlived;
    throw new KeyholdError('unavailable', 'The service\'s own keys are in HashiCorp Vault, which cannot be read now. Send the request again in a moment.', { retryAfterSeconds: 10 });
  }

  /** How long ago Vault said what `find` gives of it, in milliseconds, where that serves beyond its time; otherwise 0. */
  staleMs(name: string): number {
    const reading = this.#inVault;
    if (reading === undefined || this.#isFresh(reading) || this.#inEnvironment.values.has(name) || !reading.values.has(name)) return 0;
    return this.#ageMs(reading);
  }

  async #read(): Promise<boolean> {
    this.#inEnvironment = await this.#environment.read();
    if (this.#vault === undefined) {
      this.#tell('environment');
      return true;
    }
    const at = this.#clock.monotonic();
    try {
      const read = await this.#vault.read();
      this.#tellFetched(read);
      this.#inVault = { ...read, at };
      this.#tell(read.values.size > 0 ? 'vault' : 'environment');
      return true;
    } catch (error) {
      this.#failed(error);
      return false;
    }
  }

  #failed(error: unknown): void {
    const { code, outage } = asKeyholdError(error);
    // Whoever took our access away wants the values out of use; an outage says nothing of them.
    if (code === 'permission_denied' || outage === 'refused') this.#inVault = undefined;
    if (this.#inVault !== undefined && this.#isFresh(this.#inVault)) return;
    if (this.#told !== 'environment') this.#log.warn('own_keys_unreadable', 'The service\'s own keys could not be read from Vault; this is repeated', { code, error });
    this.#tell('environment');
  }

  #isFresh(reading: Reading): boolean {
    return this.#ageMs(reading) < TTL_MS;
  }

  #ageMs({ at }: Reading): number {
    return this.#clock.monotonic() - at;
  }

  /** R2.5. Each name once, and again when the secret has changed. */
  #tellFetched({ values, version }: OwnKeyValues): void {
    if (this.#inVault !== undefined && version !== null && this.#inVault.version === version) return;
    for (const key of values.keys()) this.#log.info('secret_fetched_from_vault', 'A key of the service was fetched from Vault', { key, version: version ?? undefined });
  }

  #tell(source: 'vault' | 'environment'): void {
    if (this.#told === source) return;
    this.#told = source;
    if (source === 'environment') this.#log.info('own_keys_from_environment', 'Using environment variables for secrets');
  }
}
