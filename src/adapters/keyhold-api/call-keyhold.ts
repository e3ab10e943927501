import type { SecretValue } from '../../ports/secret-value.ts';
import { StartError } from '../../ports/start-error.ts';

const ANSWER_MS = 60_000;

/** A running Keyhold, and the token that it knows us by. */
export interface KeyholdApi {
  /** Without a slash at the end. */
  readonly url: string;
  readonly token: SecretValue;
}

export interface KeyholdCall {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: object;
}

/**
 * Calls a running Keyhold; gives the answer's fields. Throws `StartError` (1) that says what to do. The token goes to the address that was given
 * and nowhere else: redirects are errors.
 */
export async function callKeyhold({ url, token }: KeyholdApi, { method, path, body }: KeyholdCall): Promise<Readonly<Record<string, unknown>>> {
  const address = `${url}${path}`;
  const json = body === undefined ? {} : { 'content-type': 'application/json' };
  let response: Response;
  try {
    response = await fetch(address, {
      method,
      headers: { authorization: `Bearer ${token.reveal()}`, ...json },
      body: body === undefined ? null : JSON.stringify(body),
      redirect: 'error',
      signal: AbortSignal.timeout(ANSWER_MS),
    });
  } catch (cause) {
    throw new StartError(1, `${new URL(address).origin} did not answer. Is KEYHOLD_URL the address of a running Keyhold, and can this machine reach it?`, { cause });
  }
  return answerOf(response, url);
}

async function answerOf(response: Response, url: string): Promise<Readonly<Record<string, unknown>>> {
  const body: unknown = await response.json().catch(() => undefined);
  const fields: Readonly<Record<string, unknown>> = typeof body === 'object' && body !== null ? { ...body } : {};
  if (response.ok) return fields;
  const { error } = fields;
  const said = typeof error === 'object' && error !== null && 'message' in error && typeof error.message === 'string' ? error.message : `It answered ${response.status}.`;
  throw new StartError(1, `${url} refused: ${said}`);
}

/** It answered, and not as Keyhold does. */
export function unexpectedAnswer({ url }: KeyholdApi): StartError {
  return new StartError(1, `${url} answered, but not as Keyhold does. Check KEYHOLD_URL.`);
}
