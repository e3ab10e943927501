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
import { ManagedIdentityEndpoint } from './managed-identity.ts';
import { everyPermission } from './permissions.ts';
import { AzureVault, type VaultSettings } from './vault.ts';

export interface AzureServerOptions {
  /** The first vault; the name is `keyhold-test` when left out. */
  readonly vault?: Partial<VaultSettings>;
  /** Milliseconds since 1970, for tokens, soft delete, throttling and grants. The real clock when left out. */
  readonly now?: () => number;
}

type Environment = Record<string, string>;

/**
 * Azure Key Vault, the Entra tenant behind it and the identity endpoint of a machine in Azure, on ports of 127.0.0.1, from their public
 * REST description. Everything is in memory and belongs to this object; `kill` and `restart` keep it.
 */
export interface AzureServer {
  readonly directory: Directory;
  /** The app that may do everything in the first vault. */
  readonly app: AzureApp;
  /** The first vault. */
  readonly vault: AzureVault;
  readonly authority: Listener;
  /** The identities that the machine has: none, until a test gives it some. */
  readonly machine: ManagedIdentityEndpoint;
  readonly faults: AzureFaults;
  /** The PEM file for NODE_EXTRA_CA_CERTS. */
  readonly caFile: string;
  addVault(settings: Partial<VaultSettings> & Pick<VaultSettings, 'name'>): Promise<AzureVault>;
  /** What Keyhold (and the official SDKs) is started with to use a vault as an app by its secret. */
  environment(app?: AzureApp, vault?: AzureVault): Environment;
  /** The same by a service account's token, in a file as Kubernetes projects it. The subject is federated with the app, unless the token is given. */
  workloadIdentityEnvironment(app?: AzureApp, vault?: AzureVault, token?: string): Environment;
  /** The same on a machine with managed identities. */
  managedIdentityEnvironment(machine: 'app-service' | 'imds', vault?: AzureVault): Environment;
  /** What arrived so far, everywhere, oldest first. */
  calls(matches?: Partial<AzureCall>): AzureCall[];
  forgetCalls(): void;
  /** Lets this process's own TLS clients take the server's certificate. */
  trust(): void;
  /** Everything at once is gone, as in an outage; every connection breaks. */
  kill(): Promise<void>;
  /** On the same ports, with everything that was stored. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export async function startAzureServer({ vault = {}, now = Date.now }: AzureServerOptions = {}): Promise<AzureServer> {
  const certificates = makeCertificates();
  const folder = mkdtempSync(path.join(tmpdir(), 'keyhold-azure-'));
  const write = (name: string, text: string): string => {
    const file = path.join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  const caFile = write('ca.pem', certificates.ca);
  const directory = new Directory(now);
  const log = new CallLog();
  const faults = new Faults();
  const parts = { directory, log, faults, now, tls: certificates };
  const authority = new Authority(parts);
  const machine = new ManagedIdentityEndpoint(parts);
  const vaults: AzureVault[] = [];
  const addVault = async (settings: Partial<VaultSettings> & Pick<VaultSettings, 'name'>): Promise<AzureVault> => {
    const added = new AzureVault(settings, { ...parts, authorityUrl: () => authority.listener.url });
    await added.listener.restart();
    vaults.push(added);
    return added;
  };
  const listeners = (): Listener[] => [authority.listener, machine.listener, ...vaults.map(({ listener }) => listener)];
  const kill = async (): Promise<void> => void (await Promise.all(listeners().map((listener) => listener.kill())));
  const restart = async (): Promise<void> => void (await Promise.all(listeners().map((listener) => listener.restart())));
  await restart();
  const first = await addVault({ name: 'keyhold-test', ...vault });
  const app = directory.addApp();
  first.permissions.setPolicy(app, everyPermission);
  first.permissions.assignRoles(app, ['Key Vault Administrator']);
  const common = ({ url }: AzureVault): Environment => ({ AZURE_KEY_VAULT_URL: url, AZURE_AUTHORITY_HOST: authority.listener.url, KEYHOLD_AZURE_DISCONNECTED: 'true', NODE_EXTRA_CA_CERTS: caFile });
  return {
    directory,
    app,
    vault: first,
    authority: authority.listener,
    machine,
    faults,
    caFile,
    addVault,
    environment: ({ clientId, secrets } = app, used = first) => ({ ...common(used), AZURE_TENANT_ID: directory.tenantId, AZURE_CLIENT_ID: clientId, AZURE_CLIENT_SECRET: [...secrets].at(-1) ?? '' }),
    workloadIdentityEnvironment: (by = app, used = first, token) => {
      const subject = 'system:serviceaccount:keyhold:keyhold';
      if (token === undefined) directory.federate(by, subject);
      const file = write(`federated-token-${by.clientId}`, token ?? directory.federatedToken(subject));
      return { ...common(used), AZURE_TENANT_ID: directory.tenantId, AZURE_CLIENT_ID: by.clientId, AZURE_FEDERATED_TOKEN_FILE: file };
    },
    managedIdentityEnvironment: (kind, used = first) => ({
      ...common(used),
      ...(kind === 'imds' ? { AZURE_POD_IDENTITY_AUTHORITY_HOST: machine.listener.url } : { IDENTITY_ENDPOINT: `${machine.listener.url}/msi/token`, IDENTITY_HEADER: machine.header }),
    }),
    calls: (matches) => log.find(matches),
    forgetCalls: () => log.forget(),
    trust: () => setDefaultCACertificates([...getCACertificates(), certificates.ca]),
    kill,
    restart,
    close: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
