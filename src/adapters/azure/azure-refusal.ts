import { AzureFailure, type AzureTrouble } from './azure-failure.ts';
import type { RefusalBody } from './refusal-bodies.ts';

/** A vault's refusal of one request, which says something of that request. */
export interface AzureRefusal {
  readonly status: number;
  /** The inner code where there is one, else the code: `SecretNotFound`, `ObjectIsBeingDeleted`, `ForbiddenByPolicy`. */
  readonly code: string;
  /** Of the identity that was refused, where the refusal names it. */
  readonly objectId: string | undefined;
}

/** What the official libraries throw, as far as we look at it. */
interface Thrown {
  readonly name: string;
  readonly message: string;
  readonly code?: unknown;
  readonly statusCode?: unknown;
  readonly response?: unknown;
  readonly errorResponse?: unknown;
  readonly errors?: unknown;
}

const CODE = /^[A-Za-z][A-Za-z0-9_]{0,63}$/u;
/** Nothing was sent when these come. */
const BEFORE_SENDING = /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ENETDOWN|EADDRNOTAVAIL|ERR_EGRESS_REFUSED|CERT_\w+|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|ERR_TLS_CERT_ALTNAME_INVALID|ERR_SSL_\w+|EPROTO)$/u;

/**
 * What an error of the official libraries means: a refusal that the caller has to understand, or a failure that says nothing of the request.
 * Nothing of the error itself is kept.
 */
export function understood(error: unknown, told: RefusalBody): AzureRefusal | AzureFailure {
  if (error instanceof AzureFailure) return error;
  if (!isThrown(error)) return new AzureFailure('strange', { mayHaveHappened: true });
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return new AzureFailure('silent', { mayHaveHappened: true });
  const signIn = signInTrouble(error);
  if (signIn !== undefined) return new AzureFailure(signIn.trouble, { mayHaveHappened: false, code: signIn.code });
  if (error.message.startsWith('The challenge ')) return new AzureFailure('challenge', { mayHaveHappened: false });
  if (error.name !== 'RestError') return new AzureFailure('not-azure', { mayHaveHappened: true });
  if (typeof error.statusCode !== 'number') return connectionFailure(error);
  return byStatus(error, error.statusCode, told);
}

/** Seconds from an answer's `Retry-After`, which Key Vault gives as a number. */
function retryAfterOf(error: unknown): number | undefined {
  const headers = isThrown(error) && isObject(error.response) ? error.response['headers'] : undefined;
  const text = hasGet(headers) ? headers.get('retry-after') : undefined;
  return typeof text === 'string' && /^\d{1,5}$/u.test(text) ? Number(text) : undefined;
}

function byStatus(error: Thrown, status: number, { code, objectId }: RefusalBody): AzureRefusal | AzureFailure {
  if (status === 429) return new AzureFailure('busy', { mayHaveHappened: false, status, retryAfterSeconds: retryAfterOf(error) });
  if (status >= 500) return new AzureFailure('failing', { mayHaveHappened: true, status, code });
  // Without its code an answer is a proxy's or an error page: a 404 of such is never "no such secret".
  if (code === undefined) return new AzureFailure('not-azure', { mayHaveHappened: true, status });
  if (status === 401) return new AzureFailure('refused', { mayHaveHappened: false, status, code });
  if (status === 403 && /^ForbiddenBy(?:Firewall|Connection)$|^ForbiddenByVnet/u.test(code)) return new AzureFailure('firewall', { mayHaveHappened: false, status, code });
  return { status, code, objectId };
}

function connectionFailure({ code }: Thrown): AzureFailure {
  const word = typeof code === 'string' && CODE.test(code) ? code : undefined;
  if (word === 'PARSE_ERROR') return new AzureFailure('broken', { mayHaveHappened: true });
  const nothingSent = word !== undefined && BEFORE_SENDING.test(word);
  return new AzureFailure(nothingSent ? 'unreachable' : 'broken', { mayHaveHappened: !nothingSent, code: word });
}

function signInTrouble(error: Thrown): { readonly trouble: AzureTrouble; readonly code?: string | undefined } | undefined {
  switch (error.name) {
    case 'CredentialUnavailableError':
      return { trouble: 'no-identity' };
    case 'AuthenticationRequiredError':
    case 'AuthenticationError':
      return authenticationTrouble(error);
    case 'AggregateAuthenticationError':
    case 'ChainedTokenCredentialError': {
      const inner = Array.isArray(error.errors) ? error.errors.filter(isThrown).map(signInTrouble) : [];
      return inner.find((trouble) => trouble !== undefined && trouble.trouble !== 'no-identity') ?? { trouble: 'no-identity' };
    }
    default:
      // The library of the authorities throws its own for what is wrong on the way to one.
      return /^(?:ClientAuthError|ClientConfigurationError|ServerError|InteractionRequiredAuthError)$/u.test(error.name) ? authenticationTrouble(error) : undefined;
  }
}

function authenticationTrouble(error: Thrown): { readonly trouble: AzureTrouble; readonly code?: string | undefined } {
  const code = /AADSTS\d{1,8}/u.exec(`${isObject(error.errorResponse) ? String(error.errorResponse['errorDescription']) : ''} ${error.message}`)?.[0];
  const status = typeof error.statusCode === 'number' ? error.statusCode : 0;
  return code === undefined && (status === 0 || status === 429 || status >= 500) ? { trouble: 'authority-away' } : { trouble: 'refused', code };
}

function isThrown(error: unknown): error is Thrown {
  return error instanceof Error;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function hasGet(value: unknown): value is { get(name: string): unknown } {
  return isObject(value) && typeof value['get'] === 'function';
}
