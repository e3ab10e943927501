import { setTimeout as sleep } from 'node:timers/promises';
import { Type } from 'typebox';
import { StartError } from '../../ports/start-error.ts';
import { ProviderRefusal, readOf, requireSafe, sendTo } from './provider-form.ts';
import { Tokens, type ProviderTokens, tokensOf } from './provider-tokens.ts';

/** What the terminal is to an identity provider: a public client, and what it asks for. */
export interface DeviceClient {
  readonly issuer: string;
  readonly clientId: string;
  /** What stands for Keyhold in `aud` of the access token. */
  readonly audience: string;
  readonly scope: string;
}

/** What the person has to do. */
export interface DeviceQuestion {
  readonly address: string;
  /** The same with the code in it; null: the provider has none. */
  readonly completeAddress: string | null;
  readonly code: string;
}

const Metadata = Type.Object({
  issuer: Type.String(),
  token_endpoint: Type.String(),
  device_authorization_endpoint: Type.Optional(Type.String()),
  revocation_endpoint: Type.Optional(Type.String()),
});
const Authorization = Type.Object({
  device_code: Type.String(),
  user_code: Type.String(),
  verification_uri: Type.String(),
  verification_uri_complete: Type.Optional(Type.String()),
  expires_in: Type.Number(),
  interval: Type.Optional(Type.Number()),
});

/** https://www.rfc-editor.org/rfc/rfc8628#section-3.2 and 3.5, in seconds. */
const USUAL_INTERVAL = 5;
const SLOWER_BY = 5;
/** Some say 0, by which one would ask all the time, and never stop. */
const SHORTEST_INTERVAL = 1;
const GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

/**
 * Signs a person in at their identity provider, in a browser on whichever machine (RFC 8628). `ask` shows them what to do; then the provider is asked again and again whether they have.
 * Throws `StartError` (1) when they refuse or do not come, and for a provider that cannot do it.
 */
export async function signInByDevice(client: DeviceClient, ask: (question: DeviceQuestion) => void, wait: (ms: number) => Promise<unknown> = sleep): Promise<ProviderTokens> {
  const { issuer, clientId, scope } = client;
  const metadata = await readOf(`${issuer.replace(/\/$/u, '')}/.well-known/openid-configuration`, Metadata);
  if (metadata.issuer !== issuer) throw new StartError(1, `The identity provider calls itself ${JSON.stringify(metadata.issuer.slice(0, 200))}, and not ${issuer}. Nothing was sent to it.`);
  const { token_endpoint: tokenEndpoint, device_authorization_endpoint: endpoint, revocation_endpoint: revocationEndpoint = null } = metadata;
  if (endpoint === undefined) throw new StartError(1, `The identity provider ${issuer} does not take sign-ins from terminals (it names no device_authorization_endpoint). Use an API token: keyhold login --token.`);
  const begun = await sendTo(endpoint, { client_id: clientId, scope, ...forKeyhold(client) }, Authorization);
  ask({ address: requireSafe(begun.verification_uri), completeAddress: begun.verification_uri_complete === undefined ? null : requireSafe(begun.verification_uri_complete), code: begun.user_code });
  let interval = Math.max(SHORTEST_INTERVAL, begun.interval ?? USUAL_INTERVAL);
  for (let waited = 0; waited < begun.expires_in; waited += interval) {
    await wait(interval * 1000);
    try {
      const answer = await sendTo(tokenEndpoint, { grant_type: GRANT, device_code: begun.device_code, client_id: clientId }, Tokens);
      return tokensOf(answer, { issuer, clientId, tokenEndpoint: requireSafe(tokenEndpoint), revocationEndpoint });
    } catch (error) {
      if (!(error instanceof ProviderRefusal)) throw error;
      if (error.code === 'access_denied') throw new StartError(1, 'The sign-in was refused in the browser. Nothing was kept.', { cause: error });
      if (error.code === 'expired_token') break;
      if (error.code === 'slow_down') interval += SLOWER_BY;
      else if (error.code !== 'authorization_pending') throw error;
    }
  }
  throw new StartError(1, 'Nobody has signed in in the browser in time. Nothing was kept; try again.');
}

/** For whom the access token is to be: as RFC 8707 says it, where that can be a resource, and as some providers do. */
function forKeyhold({ audience }: DeviceClient): Readonly<Record<string, string>> {
  return URL.canParse(audience) ? { audience, resource: audience } : { audience };
}
