import type { ErrorCode } from '../ports/errors.ts';

/** The one table from our codes to HTTP status codes (R0.3). */
const statusOf: Readonly<Record<ErrorCode, number>> = {
  invalid_argument: 400,
  unauthenticated: 401,
  permission_denied: 403,
  not_found: 404,
  already_exists: 409,
  conflict: 409,
  precondition_failed: 412,
  payload_too_large: 413,
  no_credential: 424,
  rate_limited: 429,
  budget_exceeded: 429,
  canceled: 499,
  internal: 500,
  corrupt: 500,
  unsupported: 501,
  upstream_failed: 502,
  unavailable: 503,
  timeout: 504,
};

export function errorStatus(code: ErrorCode): number {
  return statusOf[code];
}
