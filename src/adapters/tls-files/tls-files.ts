import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Log } from '../../ports/log.ts';
import { WatchedFiles } from './watched-files.ts';

/** PEM texts: a certificate with those between it and its CA, and its key. */
interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
}

export interface TlsFilesOptions {
  /** Absolute paths. */
  readonly certFile: string;
  readonly keyFile: string;
  readonly log: Log;
  readonly everyMs?: number;
}

/** The listener's certificate and key in files, which whoever renews them replaces at any time. Throws `StartError` (2) when they cannot be read or do not belong together. */
export function openTlsFiles({ certFile, keyFile, log, everyMs }: TlsFilesOptions): WatchedFiles<TlsMaterial> {
  return new WatchedFiles<TlsMaterial>({
    files: [certFile, keyFile],
    read: ([cert = '', key = '']) => checked({ cert, key }),
    texts: {
      event: 'tls_files',
      reloaded: ({ cert }) => `The certificate has changed and serves from now on; it is valid until ${new X509Certificate(cert).validTo}`,
      unusable: (reason) => `The files of the certificate and its key have changed and cannot be used (${reason}); those before serve on. Replace both by ones that belong together`,
      refusedStart: (reason) => `KEYHOLD_TLS_CERT_FILE and KEYHOLD_TLS_KEY_FILE cannot be used: ${reason}.\nThe first names a PEM file with the certificate and those between it and its CA, the second the PEM file of its key, without a passphrase.`,
    },
    log,
    everyMs,
  });
}

/** Throws what OpenSSL says of a pair that it cannot serve. */
function checked(material: TlsMaterial): TlsMaterial {
  createSecureContext(material);
  const leaf = new X509Certificate(material.cert);
  if (Date.parse(leaf.validTo) < Date.now()) throw new Error(`the certificate ended on ${leaf.validTo}`);
  return material;
}
