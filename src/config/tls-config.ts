import type { Reader } from './reader.ts';
import { settings } from './settings.ts';

/** Absolute paths. */
export interface TlsConfig {
  readonly certFile: string;
  readonly keyFile: string;
}

/** The files of the listener's certificate and key; null: plain http. One without the other is a problem, which the reader then knows. */
export function tlsConfig(reader: Reader): TlsConfig | null {
  const certFile = reader.read(settings.tlsCertFile);
  const keyFile = reader.read(settings.tlsKeyFile);
  if (certFile !== null && keyFile !== null) return Object.freeze({ certFile: reader.absolute(certFile), keyFile: reader.absolute(keyFile) });
  if (certFile !== null || keyFile !== null) {
    reader.problems.push('KEYHOLD_TLS_CERT_FILE and KEYHOLD_TLS_KEY_FILE go together: set both, or neither. Example: KEYHOLD_TLS_CERT_FILE=/etc/keyhold/tls.crt KEYHOLD_TLS_KEY_FILE=/etc/keyhold/tls.key');
  }
  return null;
}
