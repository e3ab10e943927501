import type { IncomingMessage } from 'node:http';
import type { Principal } from '../core/access/principals.ts';
import { type TokenKind, tokenDigestBytes } from '../core/access/token-text.ts';
import { signInByCertificate } from '../gateway/certificate-sign-in.ts';
import { presentedKey } from '../gateway/presented-key.ts';
import { KeyholdError } from '../ports/errors.ts';
import type { RouteServices } from './route.ts';
import { presentedSession } from './session-cookie.ts';

/** Where the control plane looks for a key. */
const KEY_HEADERS = ['authorization'];
/** Change nothing (RFC 9110, section 9.2.1). */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

type Needed = Pick<RouteServices, 'principals' | 'sessions' | 'ownAddress' | 'unknownKeys' | 'audit' | 'clientAddresses' | 'clientCertificates' | 'clientNetworks'>;

/**
 * Who sends this request, told before a byte of its body is read (S34): by a key in `Authorization`, by the session of a browser in its cookie, or by a client certificate. Throws
 * `unauthenticated` without one and with one that is unknown, expired, revoked or of a kind that does not sign in here, `rate_limited` for unknown keys when an
 * address has sent too many of them (R0.3), `invalid_argument` for two different ones (S22), `permission_denied` for a gateway key from another network and for a
 * session that another site's page uses (S24), `unavailable` when the database cannot be asked.
 *
 * A known key signs in from an address that is blocked too: behind one proxy, one careless client must not lock out the others.
 */
export async function admit(request: IncomingMessage, requestId: string, accepts: readonly TokenKind[], needed: Needed): Promise<Principal> {
  const key = presentedKey(request.rawHeaders, KEY_HEADERS);
  const session = accepts.includes('t') ? presentedSession(request.rawHeaders) : undefined;
  if (session !== undefined) {
    if (key !== undefined) throw new KeyholdError('invalid_argument', 'The request carries a key and a session. Send one of them.');
    return admitSession(session, request, needed);
  }
  if (key === undefined) return withoutKey(request, accepts, needed);
  const principal = await needed.principals.authenticate(key, accepts);
  const address = addressOf(request, needed);
  if (principal === undefined) throw refused(address, accepts.includes('g') ? UNKNOWN : UNKNOWN_API_TOKEN, needed);
  needed.clientNetworks.require(principal, address, requestId);
  return principal;
}

/** A key or a session says who sends a request, whatever certificate its connection has; without them a certificate does that is known, where an API token could. */
async function withoutKey(request: IncomingMessage, accepts: readonly TokenKind[], needed: Needed): Promise<Principal> {
  const certificate = accepts.includes('t') ? needed.clientCertificates.of(request.socket) : undefined;
  if (certificate !== undefined) return signInByCertificate(certificate, request.rawHeaders, () => addressOf(request, needed), needed);
  throw new KeyholdError('unauthenticated', 'This address needs a token. Send it as Authorization: Bearer <token>.');
}

/** Where a request comes from, as trusted proxies tell it. */
export function addressOf({ socket, rawHeaders }: IncomingMessage, { clientAddresses }: Pick<Needed, 'clientAddresses'>): string {
  return clientAddresses.of(socket.remoteAddress, rawHeaders);
}

/** What somebody is told who is not known; it is counted by address and in the audit log, and after many it is another answer (R0.3, S29). */
export function refused(address: string, message: string, { unknownKeys, audit }: Pick<Needed, 'unknownKeys' | 'audit'>): KeyholdError {
  const blockedSeconds = unknownKeys.blockedFor(address);
  if (blockedSeconds !== undefined) {
    return new KeyholdError('rate_limited', 'Too many unknown tokens came from this address. Check the token, and try again later.', { retryAfterSeconds: blockedSeconds });
  }
  unknownKeys.note(address);
  audit.signInFailed(address);
  return new KeyholdError('unauthenticated', message);
}

async function admitSession(text: string, request: IncomingMessage, needed: Needed): Promise<Principal> {
  const isSafe = SAFE_METHODS.has(request.method ?? '');
  needed.ownAddress.requireOwnPage(request, { mustTell: !isSafe });
  // What a form of another site could send is of three other types, and a script's of this one is asked about first.
  if (!isSafe && !/^application\/json\s*(?:;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw new KeyholdError('invalid_argument', 'What a session changes is sent as JSON. Send the header Content-Type: application/json, without a body, too.');
  }
  const digest = tokenDigestBytes(text);
  const actor = await needed.sessions.authenticate(text, digest);
  if (actor !== undefined) return { actor, gatewayKey: null };
  // A page that goes on asking with one that is over guesses no keys, and shuts out nobody who comes from the same address (R0.3).
  throw (await needed.sessions.knows(text, digest)) ? new KeyholdError('unauthenticated', OVER) : refused(addressOf(request, needed), OVER, needed);
}

const OVER = 'The session is over. Sign in again.';
export const UNKNOWN = 'The token is not known, has expired or was revoked. Ask an administrator for a new one.';
const UNKNOWN_API_TOKEN = `${UNKNOWN} This address takes API tokens (kh_t_…); gateway keys (kh_g_…) are for the gateway.`;
