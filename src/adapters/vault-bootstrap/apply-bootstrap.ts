import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { asKeyholdError } from '../../ports/errors.ts';
import { StartError } from '../../ports/start-error.ts';
import type { VaultAnswer, VaultCall, VaultClient } from '../vault/vault-client.ts';
import { appRole, appRoleSettings, type BootstrapPlan, policiesOf } from './bootstrap-plan.ts';

const Mounts = Type.Object({ data: Type.Record(Type.String(), Type.Object({ type: Type.String(), options: Type.Optional(Type.Union([Type.Null(), Type.Record(Type.String(), Type.String())])) })) });
const RoleId = Type.Object({ data: Type.Object({ role_id: Type.String() }) });
const SecretId = Type.Object({ data: Type.Object({ secret_id: Type.String() }) });
const ROLE = `auth/approle/role/${appRole}`;

/** What was there, what was made, and what Keyhold signs in with. */
export interface Bootstrapped {
  /** Sentences, in the order in which they became true. */
  readonly done: readonly string[];
  readonly roleId: string;
  /** Where the plan asks for one. */
  readonly secretId: string | undefined;
}

/** Carries the plan out over Vault's API. Can be repeated: what is there is kept. Throws `StartError` that says what is in the way. */
export async function applyBootstrap(client: Pick<VaultClient, 'request'>, plan: BootstrapPlan): Promise<Bootstrapped> {
  const vault = new Administration(client);
  const { mount, auditFile } = plan;
  const done: string[] = [];

  const engine = (await vault.list('sys/mounts'))[`${mount}/`];
  if (engine !== undefined && (engine.type !== 'kv' || engine.options?.['version'] !== '2')) {
    throw new StartError(1, `What is mounted at ${mount}/ in Vault is not a KV version 2 engine, and is left as it is. Set VAULT_MOUNT_PATH to another path.`);
  }
  if (engine === undefined) await vault.write(`sys/mounts/${mount}`, { type: 'kv', options: { version: '2' } });
  done.push(engine === undefined ? `The KV version 2 engine ${mount}/ was made.` : `The KV version 2 engine ${mount}/ is there and was kept.`);

  for (const [name, policy] of Object.entries(policiesOf(plan))) {
    await vault.write(`sys/policies/acl/${name}`, { policy });
    done.push(`The policy ${name} was written.`);
  }

  const method = (await vault.list('sys/auth'))['approle/'];
  if (method !== undefined && method.type !== 'approle') throw new StartError(1, 'What is mounted at auth/approle/ in Vault is another auth method, and is left as it is. Nothing can sign in by AppRole there.');
  if (method === undefined) await vault.write('sys/auth/approle', { type: 'approle' });
  await vault.write(ROLE, appRoleSettings);
  done.push(`The AppRole ${appRole} was written (token_ttl=${appRoleSettings.token_ttl}, token_max_ttl=${appRoleSettings.token_max_ttl}).`);

  const devices = Object.keys(await vault.list('sys/audit'));
  if (devices.length === 0) await vault.write('sys/audit/file', { type: 'file', options: { file_path: auditFile } });
  done.push(devices.length === 0 ? `The audit device file/ was made; it writes to ${auditFile}.` : `There is an audit device (${devices.join(', ')}), which was kept.`);

  const roleId = await vault.value({ method: 'GET', path: `${ROLE}/role-id` }, (body) => (Value.Check(RoleId, body) ? body.data.role_id : undefined));
  const secretId = plan.secretId ? await vault.value({ method: 'POST', path: `${ROLE}/secret-id`, body: {} }, (body) => (Value.Check(SecretId, body) ? body.data.secret_id : undefined)) : undefined;
  return { done, roleId, secretId };
}

/** Vault's API as an administrator uses it. */
class Administration {
  readonly #client: Pick<VaultClient, 'request'>;

  constructor(client: Pick<VaultClient, 'request'>) {
    this.#client = client;
  }

  /** What is mounted or enabled, by its path with a slash at the end. */
  async list(path: string): Promise<Readonly<Record<string, { readonly type: string; readonly options?: Readonly<Record<string, string>> | null }>>> {
    return this.value({ method: 'GET', path }, (body) => (Value.Check(Mounts, body) ? body.data : undefined));
  }

  async write(path: string, body: object): Promise<void> {
    const answer = await this.#asked({ method: 'POST', path, body });
    if (answer.status !== 200 && answer.status !== 204) throw refused(path, answer);
  }

  async value<T>(call: VaultCall, read: (body: VaultAnswer['body']) => T | undefined): Promise<T> {
    const answer = await this.#asked(call);
    const value = answer.status === 200 ? read(answer.body) : undefined;
    if (value === undefined) throw refused(call.path, answer);
    return value;
  }

  async #asked(call: VaultCall): Promise<VaultAnswer> {
    try {
      return await this.#client.request({ ...call, mayBeForbidden: true });
    } catch (error) {
      if (asKeyholdError(error).code !== 'permission_denied') throw error;
      throw new StartError(1, `The token in VAULT_TOKEN may not ${call.method === 'GET' ? 'read' : 'write'} ${call.path} in Vault: --apply needs the token of an administrator. What was done before stays; the command can be repeated.`, { cause: error });
    }
  }
}

/** To whoever has an administrator's token Vault's own words are no secret, and say best what is wrong. */
function refused(path: string, { status, errors }: VaultAnswer): StartError {
  return new StartError(1, `Vault did not take ${path} (HTTP ${status})${errors.length === 0 ? '' : `: ${errors.join('; ')}`}. What was done before stays; the command can be repeated.`);
}
