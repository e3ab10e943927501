import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Log } from '../../ports/log.ts';
import { certificateMark, readRevocationList } from './revocation-list.ts';
import { WatchedFiles } from './watched-files.ts';

/** Whose client certificates are right, and which of theirs are no more. */
export interface ClientTrust {
  /** PEM texts. */
  readonly ca: readonly string[];
  readonly crl: readonly string[];
  /** Whether a certificate that was found right once, given with those up to its CA, would still be. */
  stillTrusts(chain: readonly X509Certificate[]): boolean;
}

export interface ClientTrustOptions {
  /** Absolute paths. */
  readonly caFile: string;
  readonly crlFile: string | null;
  readonly log: Log;
  readonly everyMs?: number | undefined;
}

const BLOCK = /-----BEGIN (?<what>[A-Z0-9 ]+)-----(?<base64>[A-Za-z0-9+/=\s]+)-----END \k<what>-----/gu;

/** The CAs of client certificates, and their revocation lists, in files that are replaced at any time. Throws `StartError` (2) when they cannot be read or used. */
export function openClientTrust({ caFile, crlFile, log, everyMs }: ClientTrustOptions): WatchedFiles<ClientTrust> {
  return new WatchedFiles<ClientTrust>({
    files: crlFile === null ? [caFile] : [caFile, crlFile],
    read: ([ca = '', crl]) => clientTrust(ca, crl),
    texts: {
      event: 'tls_client_trust',
      reloaded: ({ ca, crl }) => `The CAs of client certificates, or what they have revoked, have changed (CAs: ${ca.length}, revocation lists: ${crl.length}); connections of certificates that are not trusted any more are ended`,
      unusable: (reason) => `The CAs of client certificates, or their revocation lists, have changed and cannot be used (${reason}); those before hold on. Replace them by PEM files that can be read`,
      refusedStart: (reason) => `KEYHOLD_TLS_CLIENT_CA_FILE${crlFile === null ? '' : ' or KEYHOLD_TLS_CLIENT_CRL_FILE'} cannot be used: ${reason}.\nThe first names a PEM file with the CAs whose client certificates are trusted, the second one with a revocation list of each of them.`,
    },
    log,
    everyMs,
  });
}

function clientTrust(caText: string, crlText: string | undefined): ClientTrust {
  const ca = blocksOf(caText, ['CERTIFICATE', 'TRUSTED CERTIFICATE']).map(({ pem }) => pem);
  if (ca.length === 0) throw new Error('there is no certificate in the file of CAs');
  const authorities = ca.map((pem) => new X509Certificate(pem));
  const lists = crlText === undefined ? [] : blocksOf(crlText, ['X509 CRL']);
  if (crlText !== undefined && lists.length === 0) throw new Error('there is no revocation list in the file of them');
  const revoked = new Set<string>();
  for (const { der } of lists) {
    const { revoked: marks, nextUpdate } = readRevocationList(der);
    if (nextUpdate !== null && nextUpdate < Date.now()) throw new Error(`a revocation list ended on ${new Date(nextUpdate).toISOString()}: its CA has made a newer one by now`);
    for (const mark of marks) revoked.add(mark);
  }
  const crl = lists.map(({ pem }) => pem);
  createSecureContext({ ca: [...ca], ...(crl.length === 0 ? {} : { crl: [...crl] }) });
  return {
    ca,
    crl,
    stillTrusts: (chain) =>
      chain.length > 0 &&
      chain.every((certificate) => !revoked.has(certificateMark(certificate))) &&
      chain.some((certificate) => authorities.some((authority) => authority.fingerprint256 === certificate.fingerprint256 || (certificate.checkIssued(authority) && certificate.verify(authority.publicKey)))),
  };
}

function blocksOf(text: string, names: readonly string[]): { readonly pem: string; readonly der: Buffer }[] {
  return [...text.matchAll(BLOCK)].filter(({ groups }) => names.includes(groups?.['what'] ?? '')).map(({ 0: pem, groups }) => ({ pem: `${pem}\n`, der: Buffer.from(groups?.['base64'] ?? '', 'base64') }));
}
