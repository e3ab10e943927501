import type { SecretValue } from '../../ports/secret-value.ts';
import { StartError } from '../../ports/start-error.ts';

const ANSWER_MS = 60_000;
/** https://nodejs.org/api/tls.html#x509-certificate-error-codes, and of names ERR_TLS_CERT_ALTNAME_INVALID. */
const CERTIFICATE_FAULT = /^(?!ERR_SSL_).*(?:CERT|UNABLE_TO_VERIFY)/;

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

/** It answered, and did not do it. */
export class KeyholdRefusal extends StartError {
  /** Of R0.3; empty where the answer is not Keyhold's. */
  readonly code: string;
  /** What it said, for people. */
  readonly said: string;
  readonly retryAfterSeconds: number | null;

  constructor(url: string, { status, headers }: Response, error: Readonly<Record<string, unknown>>) {
    const { code, message } = error;
    const said = typeof message === 'string' ? message : `It answered ${status}.`;
    super(1, `${url} refused: ${said}`);
    this.code = typeof code === 'string' ? code : '';
    this.said = said;
    const seconds = Number(headers.get('retry-after') ?? Number.NaN);
    this.retryAfterSeconds = Number.isFinite(seconds) ? seconds : null;
  }
}

/**
 * Calls a running Keyhold; gives the answer's fields. Throws `StartError` (1) that says what to do, `KeyholdRefusal` for what it did not do. The token goes to the address that was given
 * and nowhere else: redirects are errors.
 */
export function callKeyhold({ url, token }: KeyholdApi, call: KeyholdCall): Promise<Readonly<Record<string, unknown>>> {
  return exchange(url, call, { authorization: `Bearer ${token.reveal()}` });
}

/** The same for what is said to everybody. */
export function callUnknown(url: string, call: KeyholdCall): Promise<Readonly<Record<string, unknown>>> {
  return exchange(url, call, {});
}

async function exchange(url: string, { method, path, body }: KeyholdCall, authorization: Readonly<Record<string, string>>): Promise<Readonly<Record<string, unknown>>> {
  const address = `${url}${path}`;
  const json = body === undefined ? {} : { 'content-type': 'application/json' };
  let response: Response;
  try {
    response = await fetch(address, {
      method,
      headers: { ...authorization, ...json },
      body: body === undefined ? null : JSON.stringify(body),
      redirect: 'error',
      signal: AbortSignal.timeout(ANSWER_MS),
    });
  } catch (cause) {
    throw new StartError(1, `${new URL(address).origin} ${whatFailed(cause)}`, { cause });
  }
  return answerOf(response, url);
}

/** As `fetch` tells it in the cause of its error. */
function whatFailed(error: unknown): string {
  const { code, message } = { code: '', message: '', ...causeOf(error) };
  if (message === 'unexpected redirect') return 'answered that it is somewhere else, which is not followed: the token goes to no other address than the one that was given. Give the one that it has now.';
  if (CERTIFICATE_FAULT.test(code)) return `has a certificate that this machine does not trust (${code}). Call it by the name in its certificate; if its CA is one of your own, name the PEM file of that in NODE_EXTRA_CA_CERTS.`;
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER') return 'does not speak https there. On this machine an address may begin with http://.';
  return 'did not answer. Is KEYHOLD_URL the address of a running Keyhold, and can this machine reach it?';
}

function causeOf(error: unknown): { readonly code?: string; readonly message?: string } {
  if (!(error instanceof Error) || !(error.cause instanceof Error)) return {};
  const { cause } = error;
  return { message: cause.message, ...('code' in cause ? { code: String(cause.code) } : {}) };
}

async function answerOf(response: Response, url: string): Promise<Readonly<Record<string, unknown>>> {
  const body: unknown = await response.json().catch(() => undefined);
  const fields = properties(body);
  if (response.ok) return fields;
  throw new KeyholdRefusal(url, response, properties(fields['error']));
}

function properties(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

/** It answered, and not as Keyhold does. */
export function unexpectedAnswer({ url }: Pick<KeyholdApi, 'url'>): StartError {
  return new StartError(1, `${url} answered, but not as Keyhold does. Check KEYHOLD_URL.`);
}
