import { createLocalJWKSet, errors, type JWTHeaderParameters, type JWTVerifyGetKey } from 'jose';
import type { AuthorizationServer } from 'oauth4webapi';
import type { Issuer } from '../../core/access/issuer.ts';
import type { Clock } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { ProviderAnswers } from './provider-answers.ts';
import { Refreshed } from './refreshed.ts';

export interface ProviderOptions {
  readonly issuer: Issuer;
  readonly answers: Pick<ProviderAnswers, 'read'>;
  readonly clock: Clock;
}

/** Signatures that only the owner of a private key can make. */
export const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];
/** Clocks differ. */
export const SKEW_SECONDS = 30;

/** What one identity provider publishes: where its endpoints are, and its public keys. */
export class Provider {
  readonly issuer: Issuer;
  readonly #answers: Pick<ProviderAnswers, 'read'>;
  readonly #document: Refreshed<AuthorizationServer>;
  readonly #keys: Refreshed<JWTVerifyGetKey>;

  constructor({ issuer, answers, clock }: ProviderOptions) {
    this.issuer = issuer;
    this.#answers = answers;
    const unusable = (cause: unknown): KeyholdError => this.#unusable('what it publishes cannot be read', cause);
    this.#document = new Refreshed({ read: () => this.#readDocument(), unusable, clock });
    this.#keys = new Refreshed({ read: () => this.#readKeys(), unusable, clock });
  }

  /** Its discovery document, which is about this issuer. Rejects with `unavailable`. */
  async document(): Promise<AuthorizationServer> {
    return (await this.#document.get()).value;
  }

  /** The key that a token's header names; asked for anew, every 30 s at most, when it is not known. Rejects with jose's errors where there is none, and with `unavailable` when no keys can be had. */
  readonly findKey = async (header: JWTHeaderParameters, token: Parameters<JWTVerifyGetKey>[1]): Promise<Awaited<ReturnType<JWTVerifyGetKey>>> => {
    const { value: find, isNew } = await this.#keys.get();
    try {
      return await find(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || isNew) throw error;
      return (await this.#keys.renewed())(header, token);
    }
  };

  async #readKeys(): Promise<JWTVerifyGetKey> {
    // Read along, and not from what is remembered: who changes their keys may change where they are.
    const { keys } = await this.#answers.read(this.issuer.jwksUrl ?? this.#keysIn(await this.#readDocument()));
    if (!Array.isArray(keys)) throw this.#unusable('what stands where its keys should be is no JWK set');
    return createLocalJWKSet({ keys });
  }

  /** https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfigurationValidation: the document must be about this issuer. */
  async #readDocument(): Promise<AuthorizationServer> {
    const { issuer } = this.issuer;
    const found = await this.#answers.read(`${issuer.replace(/\/$/u, '')}/.well-known/openid-configuration`);
    if (found['issuer'] !== issuer) throw this.#unusable('its discovery document is about another issuer');
    return { ...found, issuer };
  }

  #keysIn(document: AuthorizationServer): string {
    const url = endpointOf(document, 'jwks_uri');
    if (url === undefined) throw this.#unusable('its discovery document names no https address of its keys');
    return url.href;
  }

  #unusable(why: string, cause?: unknown): KeyholdError {
    return new KeyholdError('unavailable', `Tokens of ${this.issuer.issuer} cannot be checked: ${why}. An operator has to look at it.`, { cause });
  }
}

/** An address that a discovery document names: https, or the issuer's own origin; undefined where there is none such. */
export function endpointOf(document: AuthorizationServer, name: 'jwks_uri' | 'authorization_endpoint' | 'end_session_endpoint'): URL | undefined {
  const { [name]: text } = document;
  const url = typeof text === 'string' ? URL.parse(text) : null;
  return url === null || (url.protocol !== 'https:' && url.origin !== new URL(document.issuer).origin) ? undefined : url;
}
