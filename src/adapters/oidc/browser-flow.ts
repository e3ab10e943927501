import { createHash } from 'node:crypto';
import { errors as joseErrors, type JWTPayload, jwtVerify } from 'jose';
import * as oauth from 'oauth4webapi';
import type { IssuerClient } from '../../core/access/issuer.ts';
import type { Clock } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { EndedAtProvider, IdentityProviders, ProvenUser, SignInRequest } from '../../ports/identity-providers.ts';
import { LogoutTokenCheck, textIn } from './logout-token-check.ts';
import { ALGORITHMS, endpointOf, type Provider, SKEW_SECONDS } from './provider.ts';
import type { ProviderAnswers } from './provider-answers.ts';

export interface BrowserFlowOptions {
  readonly providers: readonly Provider[];
  readonly answers: Pick<ProviderAnswers, 'send'>;
  readonly clock: Clock;
}

const SCOPE = 'openid profile email';
const LONGEST_SHOWN = 200;

/** Authorization code with PKCE at the providers whose entry names a client. What the protocol asks for is checked by oauth4webapi, the ID token's signature by jose, with keys that are fetched as for access tokens. */
export class BrowserFlow implements IdentityProviders {
  readonly #providers: ReadonlyMap<string, Provider>;
  readonly #answers: Pick<ProviderAnswers, 'send'>;
  readonly #clock: Clock;
  readonly #logoutTokens: LogoutTokenCheck;

  constructor({ providers, answers, clock }: BrowserFlowOptions) {
    this.#providers = new Map(providers.flatMap((provider) => (provider.issuer.client === null ? [] : [[provider.issuer.issuer, provider]])));
    this.#answers = answers;
    this.#clock = clock;
    this.#logoutTokens = new LogoutTokenCheck(this.#providers, clock);
  }

  async authorizationUrl(issuer: string, { state, nonce, verifier, redirectUri, fresh }: SignInRequest): Promise<string> {
    const { provider, client } = this.#known(issuer);
    const document = await provider.document();
    const url = endpointOf(document, 'authorization_endpoint');
    if (url === undefined) throw new KeyholdError('unavailable', `Nobody can sign in at ${issuer} with a browser: its discovery document names no https address for that. An operator has to look at it.`);
    this.#requireNoMixUp(document, client);
    const query = {
      response_type: 'code',
      client_id: client.id,
      redirect_uri: redirectUri,
      scope: SCOPE,
      state,
      nonce,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...(fresh ? { prompt: 'login', max_age: '0' } : {}),
    };
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url.href;
  }

  async finish(issuer: string, parameters: URLSearchParams, request: SignInRequest): Promise<ProvenUser> {
    const { provider, client } = this.#known(issuer);
    const document = await provider.document();
    try {
      const asked = oauth.validateAuthResponse(document, { client_id: client.id }, parameters, request.state);
      return this.#userIn(await this.#idToken(provider, document, client, asked, request), request);
    } catch (error) {
      throw refusal(error);
    }
  }

  async endSessionUrl(issuer: string, comeBack: string): Promise<string | undefined> {
    const provider = this.#providers.get(issuer);
    const document = await provider?.document().catch(() => undefined);
    const url = document === undefined ? undefined : endpointOf(document, 'end_session_endpoint');
    const id = provider?.issuer.client?.id;
    if (url === undefined || id === undefined) return undefined;
    // Without an ID token, which would have to be kept and would stand in an address (OpenID Connect RP-Initiated Logout 1.0, section 2).
    url.searchParams.set('client_id', id);
    url.searchParams.set('post_logout_redirect_uri', comeBack);
    return url.href;
  }

  async ended(logoutToken: string): Promise<EndedAtProvider | undefined> {
    return this.#logoutTokens.check(logoutToken);
  }

  /** The claims of an ID token that came for this code, from this provider's token endpoint, and that its key has signed. */
  async #idToken(provider: Provider, document: oauth.AuthorizationServer, client: IssuerClient, asked: URLSearchParams, { redirectUri, verifier, nonce }: SignInRequest): Promise<JWTPayload> {
    const registered = { client_id: client.id, [oauth.clockTolerance]: SKEW_SECONDS };
    const response = await oauth.authorizationCodeGrantRequest(document, registered, authentication(document, client), asked, redirectUri, verifier, {
      [oauth.customFetch]: this.#answers.send,
      [oauth.allowInsecureRequests]: new URL(document.issuer).protocol === 'http:',
    });
    const { id_token: text = '' } = await oauth.processAuthorizationCodeResponse(document, registered, response, { expectedNonce: nonce, requireIdToken: true });
    const { payload } = await jwtVerify(text, provider.findKey, {
      issuer: document.issuer,
      audience: client.id,
      algorithms: ALGORITHMS,
      clockTolerance: SKEW_SECONDS,
      currentDate: new Date(this.#clock.now()),
      requiredClaims: ['exp', 'iat', 'sub', 'nonce'],
    });
    return payload;
  }

  #userIn(payload: JWTPayload, { fresh, startedAt }: SignInRequest): ProvenUser {
    const subject = textIn(payload.sub);
    if (subject === undefined) throw noSignIn('its ID token names nobody');
    const { auth_time: authTime } = payload;
    const saidAt = typeof authTime === 'number' && Number.isFinite(authTime) ? Math.floor(authTime) * 1000 : null;
    if (fresh && (saidAt === null || saidAt < startedAt - SKEW_SECONDS * 1000)) throw noSignIn('it did not ask anew who you are, or does not say so (auth_time)');
    return {
      subject,
      name: textIn(payload['name'], LONGEST_SHOWN) ?? null,
      email: textIn(payload['email'], LONGEST_SHOWN) ?? null,
      authenticatedAt: saidAt === null ? null : Math.min(saidAt, this.#clock.now()),
      sid: textIn(payload['sid']),
    };
  }

  #known(issuer: string): { readonly provider: Provider; readonly client: IssuerClient } {
    const provider = this.#providers.get(issuer);
    const client = provider?.issuer.client ?? null;
    if (provider === undefined || client === null) throw new KeyholdError('invalid_argument', 'Nobody signs in there with a browser. GET /api/v1/sign-in lists where people do.', { details: { property: 'issuer' } });
    return { provider, client };
  }

  /** https://www.rfc-editor.org/rfc/rfc9700#section-4.4: where answers do not say whose they are, one of several providers could be handed another one's code. A secret makes that code useless. */
  #requireNoMixUp({ issuer, authorization_response_iss_parameter_supported: saysIssuer }: oauth.AuthorizationServer, client: IssuerClient): void {
    if (saysIssuer === true || client.secret !== null || this.#providers.size === 1) return;
    throw new KeyholdError('unavailable', `Nobody can sign in at ${issuer} with a browser: beside other identity providers it needs a client secret, since its answers do not say whose they are (RFC 9207). An operator has to look at it.`);
  }
}

/** As the provider takes it: in a header, where it says nothing else. */
function authentication({ token_endpoint_auth_methods_supported: methods }: oauth.AuthorizationServer, { secret }: IssuerClient): oauth.ClientAuth {
  if (secret === null) return oauth.None();
  const isInBody = methods?.includes('client_secret_post') === true && !methods.includes('client_secret_basic');
  return isInBody ? oauth.ClientSecretPost(secret.reveal()) : oauth.ClientSecretBasic(secret.reveal());
}

/** Causes stay behind: they hold what was answered, tokens too. */
function refusal(error: unknown): unknown {
  if (error instanceof oauth.AuthorizationResponseError) return noSignIn(`it says ${/^[a-z_]{1,40}$/u.test(error.error) ? error.error : 'no'}`);
  if (error instanceof oauth.ResponseBodyError) return error.error === 'invalid_client' ? new KeyholdError('unavailable', 'The identity provider does not take Keyhold\'s client id and secret. An operator has to look at them.') : noSignIn('it does not take the code, which is used up or too old');
  if (error instanceof oauth.WWWAuthenticateChallengeError) return new KeyholdError('unavailable', 'The identity provider does not take Keyhold\'s client id and secret. An operator has to look at them.');
  if (error instanceof oauth.OperationProcessingError || error instanceof oauth.UnsupportedOperationError) return noSignIn('what came back is not what was asked for');
  if (error instanceof joseErrors.JOSEError || error instanceof TypeError) return noSignIn('its ID token is not signed as it should be');
  return error;
}

function noSignIn(why: string): KeyholdError {
  return new KeyholdError('unauthenticated', `The identity provider has not signed you in: ${why}. Begin again.`);
}
