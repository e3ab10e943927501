import { openClientRoles } from './adapters/tls-files/client-roles.ts';
import { openClientTrust } from './adapters/tls-files/client-trust.ts';
import { openTlsFiles } from './adapters/tls-files/tls-files.ts';
import type { Config } from './config/config.ts';
import type { CertificateRolesDependencies } from './core/access/certificate-roles.ts';
import { ClientAddresses } from './gateway/client/client-address.ts';
import { ClientCertificates } from './gateway/client/client-certificates.ts';
import type { TlsSource } from './http/tls-termination.ts';
import type { Log } from './ports/log.ts';

export interface OpenListener {
  /** undefined: plain http. */
  readonly tls: TlsSource | undefined;
  /** Who is at the other end. */
  readonly clients: { readonly clientAddresses: ClientAddresses; readonly clientCertificates: ClientCertificates };
  /** Whom client certificates sign in; undefined: nobody. */
  readonly certificateEntries: CertificateRolesDependencies['entries'] | undefined;
  readonly closeTls: () => void;
}

/** What the listener is made with. Files that others replace are followed while it serves. Throws `StartError` (2) for files that cannot be used. */
export function openListener({ tls, trustedProxies }: Pick<Config, 'tls' | 'trustedProxies'>, log: Log): OpenListener {
  const clients = { clientAddresses: new ClientAddresses(trustedProxies), clientCertificates: new ClientCertificates() };
  if (tls === null) return { tls: undefined, clients, certificateEntries: undefined, closeTls: () => undefined };
  const certificate = openTlsFiles({ ...tls, log });
  if (tls.clients === null) return { tls: { certificate }, clients, certificateEntries: undefined, closeTls: () => certificate.close() };
  const { required, rolesFile } = tls.clients;
  const trust = openClientTrust({ ...tls.clients, log });
  const roles = rolesFile === null ? undefined : openClientRoles({ rolesFile, log });
  return {
    tls: { certificate, clients: { trust, required, log } },
    clients,
    certificateEntries: roles,
    closeTls: () => {
      certificate.close();
      trust.close();
      roles?.close();
    },
  };
}
