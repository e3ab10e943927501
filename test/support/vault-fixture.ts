import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import type { VaultAuth } from '../../src/adapters/vault/vault-auth.ts';
import { createVaultClient, type VaultClient, type VaultClientOptions } from '../../src/adapters/vault/vault-client.ts';
import { SecretValue } from '../../src/ports/secret-value.ts';
import { RecordingLog } from './recording-log.ts';
import { eventually } from './eventually.ts';
import type { VaultServer } from './servers/vault.ts';

export const systemTime = { now: () => Date.now(), monotonic: () => performance.now() };

/** What Keyhold itself may do, besides what the policy `default` allows. */
const POLICY = `
path "secret/data/*" { capabilities = ["create", "read", "update"] }
path "secret/metadata/*" { capabilities = ["create", "read", "update", "patch", "list"] }
path "secret/delete/*" { capabilities = ["update"] }
path "secret/undelete/*" { capabilities = ["update"] }
path "secret/destroy/*" { capabilities = ["update"] }
path "secret/config" { capabilities = ["read"] }
`;

/** A log that can be waited for. */
class EventLog extends RecordingLog {
  count(event: string): number {
    return this.of(event).length;
  }

  /** Resolves when the event has come that often. */
  async until(event: string, times = 1): Promise<void> {
    await eventually(
      () => this.count(event) >= times,
      () => `${event} was not logged ${times} times, but: ${this.lines.map((line) => `${line.event} (${line.msg})`).join('; ')}`,
    );
  }

  /** Everything that was logged, causes of errors and their properties included. */
  text(): string {
    return inspect(this.lines, { depth: 12, maxStringLength: null, maxArrayLength: null, showHidden: true });
  }
}

export interface ClientUnderTest {
  readonly client: VaultClient;
  readonly log: EventLog;
}

export function clientOf(address: string, auth: VaultAuth, options: Partial<VaultClientOptions> = {}): ClientUnderTest {
  const log = new EventLog();
  return { log, client: createVaultClient({ address, auth, clock: systemTime, random: randomBytes, log, ...options }) };
}

export function rootAuth(vault: VaultServer): VaultAuth {
  return { kind: 'token', token: new SecretValue(vault.rootToken) };
}

export interface AppRoleOptions {
  readonly tokenTtl?: string;
  readonly tokenMaxTtl?: string;
  readonly secretIdUses?: number;
}

export interface TestAppRole {
  readonly roleId: string;
  readonly roleName: string;
  newSecretId(): Promise<string>;
  newWrappedSecretId(): Promise<string>;
  auth(): Promise<VaultAuth>;
}

/** An AppRole with Keyhold's policy, under a name of its own. */
export async function newAppRole(vault: VaultServer, { tokenTtl = '1h', tokenMaxTtl = '4h', secretIdUses = 0 }: AppRoleOptions = {}): Promise<TestAppRole> {
  const roleName = `keyhold-${randomBytes(4).toString('hex')}`;
  const role = `auth/approle/role/${roleName}`;
  const auths = await vault.ask('GET', 'sys/auth');
  if (!Object.hasOwn(auths, 'approle/')) await vault.ask('POST', 'sys/auth/approle', { type: 'approle' });
  await vault.ask('PUT', 'sys/policies/acl/keyhold', { policy: POLICY });
  await vault.ask('POST', role, { token_policies: 'keyhold', token_ttl: tokenTtl, token_max_ttl: tokenMaxTtl, secret_id_num_uses: secretIdUses });
  const roleId = String((await vault.ask('GET', `${role}/role-id`))['role_id']);
  const newSecretId = async (): Promise<string> => String((await vault.ask('POST', `${role}/secret-id`))['secret_id']);
  return {
    roleId,
    roleName,
    newSecretId,
    newWrappedSecretId: async () => String((await vault.ask('POST', `${role}/secret-id`, undefined, { headers: { 'x-vault-wrap-ttl': '120' } }))['token']),
    auth: async () => ({ kind: 'app-role', roleId, secretId: new SecretValue(await newSecretId()) }),
  };
}

/** Tokens that sign-ins of this role have made and that are still alive. */
export async function liveTokens(vault: VaultServer, roleName: string): Promise<string[]> {
  const { keys } = await vault.ask('LIST', 'auth/token/accessors');
  const found: string[] = [];
  for (const accessor of Array.isArray(keys) ? keys.map(String) : []) {
    const { status, body } = await vault.call('POST', 'auth/token/lookup-accessor', { accessor });
    if (status === 200 && JSON.stringify(body).includes(roleName)) found.push(accessor);
  }
  return found;
}
