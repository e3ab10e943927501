import type { Reader } from './reader.ts';
import { settings } from './settings.ts';

/** Absolute paths. */
export interface TlsConfig {
  readonly certFile: string;
  readonly keyFile: string;
  /** null: no client is asked for a certificate. */
  readonly clients: TlsClientsConfig | null;
}

/** Mutual TLS. Absolute paths. */
interface TlsClientsConfig {
  readonly caFile: string;
  readonly crlFile: string | null;
  readonly required: boolean;
  /** null: certificates let in, and sign nobody in. */
  readonly rolesFile: string | null;
}

/** The listener's files; null: plain http. One that needs another is a problem, which the reader then knows. */
export function tlsConfig(reader: Reader): TlsConfig | null {
  const certFile = reader.read(settings.tlsCertFile);
  const keyFile = reader.read(settings.tlsKeyFile);
  const clients = tlsClients(reader);
  if (certFile !== null && keyFile !== null) return Object.freeze({ certFile: reader.absolute(certFile), keyFile: reader.absolute(keyFile), clients });
  if (certFile !== null || keyFile !== null) {
    reader.problems.push('KEYHOLD_TLS_CERT_FILE and KEYHOLD_TLS_KEY_FILE go together: set both, or neither. Example: KEYHOLD_TLS_CERT_FILE=/etc/keyhold/tls.crt KEYHOLD_TLS_KEY_FILE=/etc/keyhold/tls.key');
  } else if (clients !== null) {
    reader.problems.push('KEYHOLD_TLS_CLIENT_CA_FILE asks clients for certificates, which only https does: set KEYHOLD_TLS_CERT_FILE and KEYHOLD_TLS_KEY_FILE, too, or leave it out. What a proxy in front says of certificates is not looked at.');
  }
  return null;
}

function tlsClients(reader: Reader): TlsClientsConfig | null {
  const caFile = reader.read(settings.tlsClientCaFile);
  const crlFile = reader.read(settings.tlsClientCrlFile);
  const rolesFile = reader.read(settings.tlsClientRolesFile);
  const required = reader.read(settings.tlsClientCertificates) === 'required';
  if (caFile !== null) return Object.freeze({ caFile: reader.absolute(caFile), crlFile: crlFile === null ? null : reader.absolute(crlFile), required, rolesFile: rolesFile === null ? null : reader.absolute(rolesFile) });
  for (const [setting, says] of [[settings.tlsClientCrlFile, crlFile !== null], [settings.tlsClientCertificates, !required], [settings.tlsClientRolesFile, rolesFile !== null]] as const) {
    if (says) reader.problems.push(`${setting.name} says something of client certificates, and nothing says whose are trusted. Set KEYHOLD_TLS_CLIENT_CA_FILE, or leave it out. Example: KEYHOLD_TLS_CLIENT_CA_FILE=/etc/keyhold/client-ca.crt`);
  }
  return null;
}
