import type { IncomingMessage } from 'node:http';
import type { Principal } from '../core/access/principals.ts';
import type { TokenKind } from '../core/access/token-text.ts';
import { presentedKey } from '../gateway/presented-key.ts';
import { KeyholdError } from '../ports/errors.ts';
import type { RouteServices } from './route.ts';

/** Where the control plane looks for a key. Cookies never sign in. */
const KEY_HEADERS = ['authorization'];

type Needed = Pick<RouteServices, 'principals' | 'unknownKeys' | 'audit' | 'clientAddresses' | 'clientNetworks'>;

/**
 * Who sends this request, told before a byte of its body is read (S34). Throws `unauthenticated` without a key or with one that is
 * unknown, expired, revoked or of a kind that does not sign in here, `rate_limited` for unknown keys when an address has sent too
 * many of them (R0.3), `invalid_argument` for two different keys (S22), `permission_denied` for a gateway key from another network, `unavailable` when the database cannot be asked.
 *
 * A known key signs in from an address that is blocked too: behind one proxy, one careless client must not lock out the others.
 */
export async function admit(request: IncomingMessage, requestId: string, accepts: readonly TokenKind[], { principals, unknownKeys, audit, clientAddresses, clientNetworks }: Needed): Promise<Principal> {
  const text = presentedKey(request.rawHeaders, KEY_HEADERS);
  if (text === undefined) throw new KeyholdError('unauthenticated', 'This address needs a token. Send it as Authorization: Bearer <token>.');
  const principal = await principals.authenticate(text, accepts);
  const address = clientAddresses.of(request.socket.remoteAddress, request.rawHeaders);
  if (principal !== undefined) {
    clientNetworks.require(principal, address, requestId);
    return principal;
  }
  const blockedSeconds = unknownKeys.blockedFor(address);
  if (blockedSeconds !== undefined) {
    throw new KeyholdError('rate_limited', 'Too many unknown tokens came from this address. Check the token, and try again later.', { retryAfterSeconds: blockedSeconds });
  }
  unknownKeys.note(address);
  audit.signInFailed(address);
  throw new KeyholdError('unauthenticated', accepts.includes('g') ? UNKNOWN : UNKNOWN_API_TOKEN);
}

const UNKNOWN = 'The token is not known, has expired or was revoked. Ask an administrator for a new one.';
const UNKNOWN_API_TOKEN = `${UNKNOWN} This address takes API tokens (kh_t_…); gateway keys (kh_g_…) are for the gateway.`;
