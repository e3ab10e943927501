import { createLocalJWKSet, errors, type JWTHeaderParameters, type JWTVerifyGetKey } from 'jose';
import type { Issuer } from '../../core/access/issuer.ts';
import type { Clock } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { ProviderAnswers } from './provider-answers.ts';

/** How old keys get before they are fetched again, so that one that the provider took back ends. */
const FRESH_MS = 600_000;
/** How old they get while they cannot be fetched again. */
const USABLE_MS = 3_600_000;
/** Between two fetches, whoever presents unknown keys or whatever fails (S23). */
const REST_MS = 30_000;

interface Keys {
  readonly find: JWTVerifyGetKey;
  /** By the monotonic clock. */
  readonly at: number;
}

export interface IssuerKeysOptions {
  readonly issuer: Issuer;
  readonly answers: Pick<ProviderAnswers, 'read'>;
  readonly clock: Clock;
}

/** One issuer's public keys: fetched when they are needed, kept for ten minutes, and looked for anew, every 30 s at most, when a token names one that is not known. */
export class IssuerKeys {
  readonly #issuer: Issuer;
  readonly #answers: Pick<ProviderAnswers, 'read'>;
  readonly #clock: Clock;
  #keys: Keys | undefined;
  #flight: Promise<void> | undefined;
  #restUntil = -Infinity;
  #failure: KeyholdError | undefined;

  constructor({ issuer, answers, clock }: IssuerKeysOptions) {
    this.#issuer = issuer;
    this.#answers = answers;
    this.#clock = clock;
  }

  /** The key that a token's header names. Rejects with jose's errors where there is none, and with `unavailable` when no keys can be had. */
  readonly find = async (header: JWTHeaderParameters, token: Parameters<JWTVerifyGetKey>[1]): Promise<Awaited<ReturnType<JWTVerifyGetKey>>> => {
    const age = this.#age();
    if (age >= FRESH_MS) await this.#refresh();
    const keys = this.#usable();
    try {
      return await keys.find(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || age >= FRESH_MS) throw error;
      await this.#refresh();
      return this.#usable().find(header, token);
    }
  };

  #age(): number {
    return this.#keys === undefined ? Infinity : this.#clock.monotonic() - this.#keys.at;
  }

  #usable(): Keys {
    if (this.#keys !== undefined && this.#age() < USABLE_MS) return this.#keys;
    throw this.#failure ?? new KeyholdError('unavailable', 'The identity provider\'s keys cannot be had at the moment. Try again later.');
  }

  async #refresh(): Promise<void> {
    if (this.#flight === undefined && this.#clock.monotonic() >= this.#restUntil) {
      this.#restUntil = this.#clock.monotonic() + REST_MS;
      this.#flight = this.#fetch().finally(() => (this.#flight = undefined));
    }
    await this.#flight;
  }

  async #fetch(): Promise<void> {
    const at = this.#clock.monotonic();
    try {
      const { keys } = await this.#answers.read(this.#issuer.jwksUrl ?? (await this.#discovered()));
      if (!Array.isArray(keys)) throw unusable(this.#issuer, 'what stands where its keys should be is no JWK set');
      this.#keys = { find: createLocalJWKSet({ keys }), at };
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error instanceof KeyholdError ? error : unusable(this.#issuer, 'its keys cannot be read', error);
    }
  }

  /** https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfigurationValidation: the document must be about this issuer. */
  async #discovered(): Promise<string> {
    const { issuer } = this.#issuer;
    const found = await this.#answers.read(`${issuer.replace(/\/$/u, '')}/.well-known/openid-configuration`);
    if (found['issuer'] !== issuer) throw unusable(this.#issuer, 'its discovery document is about another issuer');
    const url = typeof found['jwks_uri'] === 'string' ? URL.parse(found['jwks_uri']) : null;
    if (url === null || (url.protocol !== 'https:' && url.origin !== new URL(issuer).origin)) throw unusable(this.#issuer, 'its discovery document names no https address of its keys');
    return url.href;
  }
}

function unusable({ issuer }: Issuer, why: string, cause?: unknown): KeyholdError {
  return new KeyholdError('unavailable', `Tokens of ${issuer} cannot be checked: ${why}. An operator has to look at it.`, { cause });
}
