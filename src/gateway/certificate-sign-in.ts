import type { ClientCertificate } from '../core/access/client-certificate.ts';
import type { Principal, Principals } from '../core/access/principals.ts';
import type { AuditLog } from '../core/audit/audit-log.ts';
import { KeyholdError } from '../ports/errors.ts';
import { after, type Soon } from '../ports/soon.ts';

export interface CertificateSignInDependencies {
  readonly principals: Pick<Principals, 'ofCertificate'>;
  readonly audit: Pick<AuditLog, 'signInFailed'>;
}

/** What browsers put on requests, and nobody else. */
const OF_BROWSERS: ReadonlySet<string> = new Set(['origin', 'sec-fetch-site', 'sec-fetch-mode']);

/**
 * Whom a certificate signs in, of a request without a key. A browser shows its certificate whichever page it was that made it send a request, as it does with
 * cookies: so it signs no browser in (S9, S24). Throws `unauthenticated` for that, and for a certificate that no entry knows.
 */
export function signInByCertificate(certificate: ClientCertificate, rawHeaders: readonly string[], address: () => string, { principals, audit }: CertificateSignInDependencies): Soon<Principal> {
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (OF_BROWSERS.has((rawHeaders[at] ?? '').toLowerCase())) throw new KeyholdError('unauthenticated', 'A client certificate signs programs in, not browsers. Send a token as Authorization: Bearer <token>.');
  }
  return after(principals.ofCertificate(certificate), (principal) => {
    if (principal !== undefined) return principal;
    audit.signInFailed(address());
    throw new KeyholdError('unauthenticated', 'The client certificate is trusted, but not known to be anybody here. Send a token as Authorization: Bearer <token>, or ask the operator for an entry in KEYHOLD_TLS_CLIENT_ROLES_FILE.');
  });
}
