import type { KeyholdError } from '../ports/errors.ts';
import { errorStatus } from './error-status.ts';
import { MisdirectedRequest } from './own-address.ts';

/** When nobody knows better: how long a caller should wait before it tries again, in seconds. */
const DEFAULT_RETRY_SECONDS = 5;

/** RFC 9110, section 15.5.20: nothing is wrong with the request but whom it is meant for, so no code of its own. */
const MISDIRECTED = 421;

export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly error: { readonly code: string; readonly message: string; readonly requestId: string; readonly details?: Readonly<Record<string, unknown>> } };
}

/** An error as the control plane answers it (R0.3). The message is ours alone; what stands behind it goes to the log. */
export function errorAnswer(error: KeyholdError, requestId: string): ErrorAnswer {
  const headers: Record<string, string> = { 'x-keyhold-error-origin': 'keyhold' };
  if (error.code === 'unauthenticated') headers['www-authenticate'] = 'Bearer realm="keyhold"';
  if (error.code === 'rate_limited' || error.code === 'unavailable') {
    headers['retry-after'] = String(Math.max(1, Math.ceil(error.retryAfterSeconds ?? DEFAULT_RETRY_SECONDS)));
  }
  if (error.code === 'budget_exceeded' || error.code === 'internal' || error.code === 'corrupt' || error.code === 'unsupported') {
    headers['x-should-retry'] = 'false';
  }
  return {
    status: error instanceof MisdirectedRequest ? MISDIRECTED : errorStatus(error.code),
    headers,
    body: { error: { code: error.code, message: error.publicMessage, requestId, ...(error.details === undefined ? {} : { details: error.details }) } },
  };
}
