import { type ErrorCode, KeyholdError } from '../ports/errors.ts';
import { textHeader, type UpstreamHeaders } from './relay.ts';

/** A provider's refusal (status 400 or more) under our own code; `words` are the provider's, where they may be told. */
export function refusalBy(service: string, status: number, headers: UpstreamHeaders, words: string): KeyholdError {
  const retryAfter = textHeader(headers, 'retry-after');
  // The other form of the header, a date, is told as our own default.
  const options = /^\d{1,6}$/.test(retryAfter) ? { retryAfterSeconds: Number(retryAfter) } : {};
  return new KeyholdError(codeOf(status), `${service} answered with status ${status}${words === '' ? '' : `: ${words}`}`, options);
}

function codeOf(status: number): ErrorCode {
  if (status === 404) return 'not_found';
  if (status === 413) return 'payload_too_large';
  if (status === 429) return 'rate_limited';
  return status < 500 ? 'invalid_argument' : 'upstream_failed';
}
