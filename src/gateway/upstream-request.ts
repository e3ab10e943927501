import type { Resolved } from '../core/resolution/resolved.ts';
import { KeyholdError } from '../ports/errors.ts';
import { isShared } from './shared-credentials.ts';
import type { Upstream } from './upstreams.ts';

const USABLE = /^[\x21-\x7e]+$/;

/**
 * The key as the endpoint wants it. Throws `corrupt` when the credential has none that a header can carry (S5): no CR or LF ever
 * reaches a socket, whatever a store gave back.
 */
export function keyOf({ endpoint, service }: Upstream, resolved: Resolved): string {
  const key = resolved.fields[endpoint.keyField]?.reveal();
  if (key === undefined || !USABLE.test(key)) {
    throw new KeyholdError('corrupt', `The credential for ${service.id} holds no usable ${endpoint.keyField}. Store it again with PUT.`);
  }
  return key;
}

/** The headers of an upstream request as a flat list: ours, the key, and what the allow-list lets through of the caller's (S7). */
export function requestHeaders(upstream: Upstream, rawHeaders: readonly string[], resolved: Resolved, hasBody: boolean): string[] {
  const { endpoint, headers } = upstream;
  // Usage cannot be read from compressed answers, and SDKs ask for them (FACTS 4).
  const all = ['accept-encoding', 'identity', endpoint.keyHeader, endpoint.keyPrefix + keyOf(upstream, resolved)];
  if (hasBody) all.push('content-type', 'application/json');
  headers.addRequestHeaders(all, rawHeaders, isShared(resolved.source));
  return all;
}
