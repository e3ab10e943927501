import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { ClientCertificate } from '../core/access/client-certificate.ts';

/** The other end's certificate and those between it and its CA, that CA's included where it is known; empty: it has shown none. */
export function shownChain(socket: TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next = socket.getPeerCertificate(true);
  // Node lets a CA that has signed itself be its own issuer.
  while (next?.raw !== undefined && chain.at(-1)?.raw.equals(next.raw) !== true) {
    chain.push(new X509Certificate(next.raw));
    next = next.issuerCertificate;
  }
  return chain;
}

/** What somebody can be known by. */
export function clientCertificateOf(certificate: X509Certificate): ClientCertificate {
  const names = alternativeNames(certificate.subjectAltName ?? '');
  return {
    uris: names.filter(({ kind }) => kind === 'URI').map(({ name }) => name),
    dnsNames: names.filter(({ kind }) => kind === 'DNS').map(({ name }) => name),
    subject: certificate.subject?.split('\n').join(', ') ?? '',
    sha256: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    validUntil: Date.parse(certificate.validTo),
  };
}

/** A name as Node writes it: as it is, or as a JSON string where it has characters that could be taken for another name's beginning (CVE-2021-44532). */
const NAME = /(?<kind>[A-Za-z ]+):(?:(?<odd>"(?:[^"\\]|\\.)*")|(?<plain>[^",]*))(?:, |$)/uy;

/** None where what Node writes is not as it is known to be. */
function alternativeNames(text: string): readonly { readonly kind: string; readonly name: string }[] {
  const names: { kind: string; name: string }[] = [];
  for (let at = 0; at < text.length; at = NAME.lastIndex) {
    NAME.lastIndex = at;
    const { kind = '', odd, plain = '' } = NAME.exec(text)?.groups ?? {};
    if (kind === '') return [];
    names.push({ kind, name: odd === undefined ? plain : String(JSON.parse(odd)) });
  }
  return names;
}
