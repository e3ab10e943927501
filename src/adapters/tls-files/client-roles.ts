import { type CertificateEntries, certificateEntries } from '../../core/access/certificate-entries.ts';
import type { Log } from '../../ports/log.ts';
import { WatchedFiles } from './watched-files.ts';

export interface ClientRolesOptions {
  /** An absolute path. */
  readonly rolesFile: string;
  readonly log: Log;
  readonly everyMs?: number | undefined;
}

/** Whom client certificates sign in, in a file that is replaced at any time. Throws `StartError` (2) when it cannot be read or used. */
export function openClientRoles({ rolesFile, log, everyMs }: ClientRolesOptions): WatchedFiles<CertificateEntries> {
  return new WatchedFiles({
    files: [rolesFile],
    read: ([text = '']) => certificateEntries(text),
    texts: {
      event: 'tls_client_roles',
      reloaded: ({ size }) => `Who has which client certificate has changed (entries: ${size}); it holds from now on, for open connections too`,
      unusable: (reason) => `The file of client certificates' roles has changed and cannot be used (${reason}); what it said before holds on. docs/transport.md shows what belongs there`,
      refusedStart: (reason) => `KEYHOLD_TLS_CLIENT_ROLES_FILE cannot be used: ${reason}.\ndocs/transport.md shows what belongs there.`,
    },
    log,
    everyMs,
  });
}
