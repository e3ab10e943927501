import type { Resolved } from '../core/resolution/resolved.ts';
import { KeyholdError } from '../ports/errors.ts';
import type { ClientRequest } from './client/client.ts';
import type { HeaderRules } from './header-choice.ts';
import { isShared } from './shared-credentials.ts';
import { headerLines } from './upstream/header-lines.ts';
import type { OutgoingRequest } from './upstream/upstream-connection.ts';
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

/** The headers of an upstream request: ours and the key, and what the allow-list lets through of the caller's (S7). */
export function requestHeaders(upstream: Upstream, caller: Pick<ClientRequest, 'rawHeaders' | 'known'>, resolved: Resolved, hasBody: boolean): Pick<OutgoingRequest, 'headers' | 'lines'> {
  const { endpoint } = upstream;
  // Usage cannot be read from compressed answers, and SDKs ask for them (FACTS 4).
  const headers = ['accept-encoding', 'identity', endpoint.keyHeader, endpoint.keyPrefix + keyOf(upstream, resolved)];
  if (hasBody) headers.push('content-type', 'application/json');
  return { headers, lines: passingLines(upstream.headers, caller, isShared(resolved.source)) };
}

/** What passes of the caller's, without the key, which nobody remembers with a caller's connection. */
function passingLines(rules: HeaderRules, { rawHeaders, known }: Pick<ClientRequest, 'rawHeaders' | 'known'>, shared: boolean): string {
  const { passing } = known;
  if (passing !== undefined && passing.rules === rules && passing.shared === shared) return passing.lines;
  const headers: string[] = [];
  rules.addRequestHeaders(headers, rawHeaders, shared);
  // In one piece, since it is put together with others again and again.
  const lines = Buffer.from(headerLines(headers), 'latin1').toString('latin1');
  known.passing = { rules, shared, lines };
  return lines;
}
