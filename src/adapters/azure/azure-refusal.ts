import { AzureFailure } from './azure-failure.ts';
import { wasNothingSent } from './nothing-sent.ts';
import type { RefusalBody } from './refusal-bodies.ts';
import { signInTrouble } from './sign-in-trouble.ts';
import { isObject, isThrown, type Thrown } from './thrown.ts';

/** A vault's refusal of one request, which says something of that request. */
export interface AzureRefusal {
  readonly status: number;
  /** The inner code where there is one, else the code: `SecretNotFound`, `ObjectIsBeingDeleted`, `ForbiddenByPolicy`. */
  readonly code: string;
  /** Of the identity that was refused, where the refusal names it. */
  readonly objectId: string | undefined;
}

const CODE = /^[A-Za-z][A-Za-z0-9_]{0,63}$/u;

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
  const nothingSent = word !== undefined && wasNothingSent(word);
  return new AzureFailure(nothingSent ? 'unreachable' : 'broken', { mayHaveHappened: !nothingSent, code: word });
}

function hasGet(value: unknown): value is { get(name: string): unknown } {
  return isObject(value) && typeof value['get'] === 'function';
}
