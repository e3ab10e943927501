import type { Egress } from '../../egress/egress.ts';
import type { RandomBytes } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { OwnHashiCorpVault } from '../../ports/metadata/own-vaults.ts';
import { tenantScope } from '../../ports/scope.ts';
import { secretPath } from '../secret-store/vault-kv/secret-path.ts';
import { SignInRefused } from '../vault/sign-in.ts';
import type { VaultAnswer, VaultCall, VaultClient } from '../vault/vault-client.ts';
import { VaultFailure, type VaultTrouble } from '../vault/vault-failure.ts';
import { requireReachable } from './reach.ts';
import { TrialFailure, type TrialWork } from './trial-run.ts';

/** No service is called so. */
const PROBE = 'keyhold-connection-test';

export interface HashiCorpTrialOptions {
  readonly tenant: string;
  readonly settings: OwnHashiCorpVault;
  readonly client: VaultClient;
  readonly egress: Egress;
  readonly random: RandomBytes;
}

/** Every call that Keyhold makes in a KV v2 engine for a tenant's credentials, on a secret of its own. It leaves that secret's name behind, without a value. */
export function hashiCorpTrial({ tenant, settings, client, egress, random }: HashiCorpTrialOptions): TrialWork {
  const { mount, address } = settings;
  const path = secretPath({ scope: tenantScope(tenant), service: PROBE, label: 'default' });
  const folder = path.slice(0, path.lastIndexOf('/'));
  const value = random(16).toString('hex');
  let version = 0;
  const ask = (call: Omit<VaultCall, 'mayBeForbidden'> & { readonly capability: string }): Promise<VaultAnswer> => asked(client, call, settings, folder);

  return {
    address: () => requireReachable(egress, tenant, new URL(address)),
    'sign-in': async () => {
      try {
        await client.start();
      } catch (error) {
        throw explained(error, settings);
      }
    },
    write: async () => {
      await requireKeyValueEngine(client, settings);
      const metadata = await ask({ method: 'GET', path: `${mount}/metadata/${path}`, capability: 'read' });
      const newest = newestVersion(metadata);
      const written = await ask({ method: 'POST', path: `${mount}/data/${path}`, body: { options: { cas: newest }, data: { probe: value } }, capability: newest === 0 ? 'create' : 'update' });
      version = writtenVersion(written);
      if (version === 0) throw strange();
      // The first time it took `create`; every later key of a credential takes `update`.
      if (newest === 0) version = writtenVersion(await ask({ method: 'POST', path: `${mount}/data/${path}`, body: { options: { cas: version }, data: { probe: value } }, capability: 'update' }));
      await ask({ method: 'PATCH', path: `${mount}/metadata/${path}`, body: { custom_metadata: { keyhold: 'connection test' } }, capability: 'patch' });
    },
    read: async () => {
      const { body } = await ask({ method: 'GET', path: `${mount}/data/${path}`, query: { version: String(version) }, capability: 'read' });
      if (member(member(member(body, 'data'), 'data'), 'probe') !== value) throw strange();
    },
    list: async () => {
      await ask({ method: 'LIST', path: `${mount}/metadata/${folder}`, capability: 'list' });
    },
    delete: async () => {
      const versions = { versions: [version] };
      await ask({ method: 'POST', path: `${mount}/delete/${path}`, body: versions, capability: 'update' });
      await ask({ method: 'POST', path: `${mount}/undelete/${path}`, body: versions, capability: 'update' });
      await ask({ method: 'PUT', path: `${mount}/destroy/${path}`, body: { versions: version > 1 ? [version - 1, version] : [version] }, capability: 'update' });
    },
  };
}

/** What a token or AppRole needs there for one tenant's credentials, and nothing else. */
function tenantPolicy(mount: string, folder: string): string {
  const below = `${folder}/*`;
  return [
    rule(`${mount}/data/${below}`, 'create', 'update', 'read'),
    ...['delete', 'undelete', 'destroy'].map((operation) => rule(`${mount}/${operation}/${below}`, 'update')),
    rule(`${mount}/metadata/${below}`, 'create', 'update', 'patch', 'read', 'list'),
    rule(`${mount}/metadata/${folder}`, 'list'),
    rule(`${mount}/config`, 'read'),
  ].join('\n');
}

function rule(path: string, ...capabilities: readonly string[]): string {
  return `path "${path}" { capabilities = [${capabilities.map((capability) => `"${capability}"`).join(', ')}] }`;
}

async function asked(client: VaultClient, call: VaultCall & { readonly capability: string }, settings: OwnHashiCorpVault, folder: string): Promise<VaultAnswer> {
  let answer: VaultAnswer;
  try {
    answer = await client.request({ ...call, mayBeForbidden: true });
  } catch (error) {
    if (error instanceof KeyholdError && error.code === 'permission_denied') {
      throw new TrialFailure(`The policy of what Keyhold signs in with does not allow ${call.capability} on ${call.path}. Add it in your Vault (vault policy write); the text in grant is all that Keyhold needs.`, { grant: tenantPolicy(settings.mount, folder) });
    }
    throw explained(error, settings);
  }
  if (answer.status === 400) throw strange();
  return answer;
}

/** What may not be looked at is taken to be as it should. */
async function requireKeyValueEngine(client: VaultClient, settings: OwnHashiCorpVault): Promise<void> {
  const { mount } = settings;
  let answer: VaultAnswer;
  try {
    answer = await client.request({ method: 'GET', path: `sys/internal/ui/mounts/${mount}`, mayBeForbidden: true });
  } catch (error) {
    if (error instanceof KeyholdError && error.code === 'permission_denied') return;
    throw explained(error, settings);
  }
  const data = member(answer.body, 'data');
  const isKeyValueTwo = member(data, 'type') === 'kv' && member(member(data, 'options'), 'version') === '2';
  if (answer.status === 200 && !isKeyValueTwo) throw new TrialFailure(`What is mounted at ${mount} is not a KV version 2 engine. Name another mount, or make one: vault secrets enable -path=${mount} -version=2 kv`);
}

const reasons: Readonly<Record<VaultTrouble, string>> = {
  unreachable: 'Your Vault cannot be reached from where Keyhold runs, or its certificate is not trusted. Check the address, your firewall, and caCertificate where the certificate is of a CA of your own.',
  silent: 'Your Vault did not answer within 5 seconds.',
  broken: 'The connection broke before an answer was complete.',
  'not-vault': 'What answers at this address does not speak like Vault. Check the address.',
  moved: 'Your Vault sent Keyhold on to another address, where it does not go. Give the address of the active node, or of what stands before all nodes.',
  sealed: 'Your Vault is sealed. Unseal it: vault operator unseal',
  'not-initialized': 'Your Vault is not initialised: vault operator init',
  standby: 'This node is a standby that cannot serve. Give the address of the active node, or of what stands before all nodes.',
  leaderless: 'Your Vault has no active node now.',
  removed: 'This node was removed from its cluster. Give another one\'s address.',
  away: 'What stands before your Vault says that it is away.',
  failing: 'Your Vault failed. Its own log says why.',
  busy: 'Your Vault refuses requests beyond its rate limit.',
  behind: 'This node of your Vault has not caught up with the others. Try again in a moment.',
  'no-engine': 'Nothing is mounted at this mount, or the namespace is another one. Check mount and namespace.',
  resting: 'Your Vault has failed several times in a row and is asked again in a moment.',
  refused: 'Your Vault does not let Keyhold in.',
  closed: 'The connection was closed, since the vault was changed meanwhile or Keyhold is stopping.',
};

/** In words for who runs that Vault, and never in its own. */
function explained(error: unknown, { roleId }: OwnHashiCorpVault): unknown {
  const failure = found(error, VaultFailure);
  const refused = found(error, SignInRefused);
  if (refused !== undefined || failure?.trouble === 'refused') {
    return new TrialFailure(
      roleId === null
        ? 'Your Vault refuses the token: it has expired, was revoked, belongs to another namespace, or may not look itself up, which the policy "default" allows. Make another one: vault token create -policy=<policy> -period=768h'
        : 'Your Vault refuses the AppRole: the role_id is wrong, the secret_id has expired or is used up, or there is no AppRole at auth/approle in this namespace. Make another secret_id: vault write -f auth/approle/role/<role>/secret-id',
      { cause: error },
    );
  }
  return failure === undefined ? error : new TrialFailure(reasons[failure.trouble], { cause: error });
}

function found<T extends Error>(error: unknown, type: new (...given: never[]) => T): T | undefined {
  for (let each: unknown = error; each instanceof Error; each = each.cause) if (each instanceof type) return each;
  return undefined;
}

function newestVersion({ status, body }: VaultAnswer): number {
  const version = status === 404 ? 0 : member(member(body, 'data'), 'current_version');
  return typeof version === 'number' ? version : 0;
}

function writtenVersion({ body }: VaultAnswer): number {
  const version = member(member(body, 'data'), 'version');
  return typeof version === 'number' ? version : 0;
}

function strange(): TrialFailure {
  return new TrialFailure('Your Vault answered in a way that a KV version 2 engine does not. Check the mount.');
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Object.entries(value).find(([key]) => key === name)?.[1] : undefined;
}
