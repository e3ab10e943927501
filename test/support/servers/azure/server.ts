import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { Authority } from './authority.ts';
import { type AzureCall, CallLog } from './call-log.ts';
import { makeCertificates } from './certificates.ts';
import { type AzureApp, Directory } from './directory.ts';
import { type AzureFaults, Faults } from './faults.ts';
import type { Listener } from './listener.ts';
import { AzureVault, type VaultSettings } from './vault.ts';

export interface AzureServerOptions {
  /** The first vault; the name is `keyhold-test` when left out. */
  readonly vault?: Partial<VaultSettings>;
  /** Milliseconds since 1970, for tokens, soft delete, throttling and grants. The real clock when left out. */
  readonly now?: () => number;
}

/**
 * Azure Key Vault and the Entra tenant behind it, on ports of 127.0.0.1, from their public REST description. Everything is in memory and
 * belongs to this object; `kill` and `restart` of a listener keep it.
 */
export interface AzureServer {
  readonly directory: Directory;
  /** The app that may do everything with secrets in the first vault. */
  readonly app: AzureApp;
  /** The first vault. */
  readonly vault: AzureVault;
  readonly authority: Listener;
  readonly faults: AzureFaults;
  /** The PEM file for NODE_EXTRA_CA_CERTS. */
  readonly caFile: string;
  addVault(settings: Partial<VaultSettings> & Pick<VaultSettings, 'name'>): Promise<AzureVault>;
  /** What Keyhold (and the official SDKs) is started with to use a vault as an app by its secret. */
  environment(app?: AzureApp, vault?: AzureVault): Record<string, string>;
  /** What arrived so far at vaults and authority, oldest first. */
  calls(matches?: Partial<AzureCall>): AzureCall[];
  forgetCalls(): void;
  /** Lets this process's own TLS clients take the server's certificate. */
  trust(): void;
  close(): Promise<void>;
}

export async function startAzureServer({ vault = {}, now = Date.now }: AzureServerOptions = {}): Promise<AzureServer> {
  const certificates = makeCertificates();
  const folder = mkdtempSync(path.join(tmpdir(), 'keyhold-azure-'));
  const caFile = path.join(folder, 'ca.pem');
  writeFileSync(caFile, certificates.ca);
  const directory = new Directory(now);
  const log = new CallLog();
  const faults = new Faults();
  const parts = { directory, log, faults, now, tls: certificates };
  const authority = new Authority(parts);
  const vaults: AzureVault[] = [];
  const addVault = async (settings: Partial<VaultSettings> & Pick<VaultSettings, 'name'>): Promise<AzureVault> => {
    const added = new AzureVault(settings, { ...parts, authorityUrl: () => authority.listener.url });
    await added.listener.restart();
    vaults.push(added);
    return added;
  };
  await authority.listener.restart();
  const first = await addVault({ name: 'keyhold-test', ...vault });
  const app = directory.addApp();
  first.permissions.setPolicy(app, { secrets: ['get', 'list', 'set', 'delete', 'recover', 'purge'] });
  first.permissions.assignRoles(app, ['Key Vault Secrets Officer']);
  return {
    directory,
    app,
    vault: first,
    authority: authority.listener,
    faults,
    caFile,
    addVault,
    environment: ({ clientId, secrets } = app, used = first) => ({
      AZURE_KEY_VAULT_URL: used.url,
      AZURE_AUTHORITY_HOST: authority.listener.url,
      AZURE_TENANT_ID: directory.tenantId,
      AZURE_CLIENT_ID: clientId,
      AZURE_CLIENT_SECRET: [...secrets].at(-1) ?? '',
      KEYHOLD_AZURE_DISCONNECTED: 'true',
      NODE_EXTRA_CA_CERTS: caFile,
    }),
    calls: (matches) => log.find(matches),
    forgetCalls: () => log.forget(),
    trust: () => setDefaultCACertificates([...getCACertificates(), certificates.ca]),
    close: async () => {
      await Promise.all([authority.listener.kill(), ...vaults.map(({ listener }) => listener.kill())]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
