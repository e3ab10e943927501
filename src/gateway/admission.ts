import { Presented } from '../core/access/presented.ts';
import type { Principal, Principals } from '../core/access/principals.ts';
import type { UnknownKeys } from '../core/access/unknown-keys.ts';
import type { AuditLog } from '../core/audit/audit-log.ts';
import { KeyholdError } from '../ports/errors.ts';
import { after, type Soon } from '../ports/soon.ts';
import { signInByCertificate } from './certificate-sign-in.ts';
import type { ClientRequest } from './client/client.ts';
import { presentedKey } from './presented-key.ts';
import { isNative } from './route-table.ts';

/** Where the providers' own SDKs put their key (R0.4). Cookies never authenticate (S9). */
const KEY_HEADERS = ['authorization', 'x-api-key'];
/** Azure's, on paths of a service's own; elsewhere this header is nobody's key, and goes nowhere. */
const NATIVE_KEY_HEADERS = [...KEY_HEADERS, 'api-key'];
/** Gateway keys, and tokens (S22). */
const ACCEPTED = ['g', 't'] as const;

export interface AdmissionDependencies {
  readonly principals: Pick<Principals, 'authenticate' | 'ofCertificate'>;
  readonly unknownKeys: Pick<UnknownKeys, 'blockedFor' | 'note'>;
  readonly audit: Pick<AuditLog, 'signInFailed'>;
}

/**
 * Whose request this is, told before a byte of its body is read (S34). Throws `unauthenticated` without a key and without a certificate that signs in, or with a key that is
 * not known, has ended or is of another kind (S22), `rate_limited` for unknown keys from an address that sent too many of them,
 * `invalid_argument` for two different keys, `unavailable` when the database cannot be asked.
 */
export function admit(request: ClientRequest, dependencies: AdmissionDependencies): Soon<Principal> {
  const { known } = request;
  known.presented ??= presentedIn(request);
  if (known.presented === undefined) return withoutKey(request, dependencies);
  return after(dependencies.principals.authenticate(known.presented, ACCEPTED), (principal) => principal ?? refuse(request.clientAddress, dependencies));
}

function presentedIn({ rawHeaders, target, known: { before } }: ClientRequest): Presented | undefined {
  const text = presentedKey(rawHeaders, isNative(target) ? NATIVE_KEY_HEADERS : KEY_HEADERS);
  if (text === undefined) return undefined;
  return before?.is(text) === true ? before : new Presented(text);
}

/** Where a request has a key, that says whose it is, whatever certificate its connection has. */
function withoutKey(request: ClientRequest, dependencies: AdmissionDependencies): Soon<Principal> {
  const { clientCertificate } = request;
  if (clientCertificate !== undefined) return signInByCertificate(clientCertificate, request.rawHeaders, () => request.clientAddress, dependencies);
  throw new KeyholdError('unauthenticated', 'The request has no key. Send a gateway key as Authorization: Bearer <key>, or as x-api-key or api-key where the provider\'s own format has it so.');
}

function refuse(address: string, { unknownKeys, audit }: AdmissionDependencies): never {
  const blockedSeconds = unknownKeys.blockedFor(address);
  if (blockedSeconds !== undefined) {
    throw new KeyholdError('rate_limited', 'Too many unknown keys came from this address. Check the key, and try again later.', { retryAfterSeconds: blockedSeconds });
  }
  unknownKeys.note(address);
  audit.signInFailed(address);
  throw new KeyholdError('unauthenticated', 'The key is not known here, has expired or was revoked. Use a gateway key (kh_g_…) or a tenant\'s token (kh_t_…), not a provider\'s key.');
}

/** Throws for bodies the gateway does not read: other content, encoded content, other character sets (S8). */
export function requireJson(request: ClientRequest): void {
  const { 'content-encoding': encoding, 'content-type': type } = request.headers;
  if (encoding !== undefined && encoding.trim().toLowerCase() !== 'identity') {
    throw new KeyholdError('invalid_argument', 'The request body is compressed. Send it as it is, without content-encoding.');
  }
  // As every SDK writes it.
  if (type === undefined || type === 'application/json') return;
  const [media = '', ...parameters] = type.toLowerCase().split(';');
  if (!/^application\/(?:[\w.+-]+\+)?json$/.test(media.trim())) {
    throw new KeyholdError('invalid_argument', 'This route takes JSON. Send content-type: application/json.');
  }
  const charset = parameters.map((parameter) => /^\s*charset\s*=\s*"?([\w-]+)"?\s*$/.exec(parameter)?.[1]).find((found) => found !== undefined);
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8') {
    throw new KeyholdError('invalid_argument', 'The request body is not UTF-8. Send JSON encoded as UTF-8.');
  }
}
