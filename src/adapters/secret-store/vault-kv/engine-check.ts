import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { asKeyholdError, KeyholdError } from '../../../ports/errors.ts';
import type { Log } from '../../../ports/log.ts';
import { StoreUntouched } from '../../../ports/secret-store.ts';
import type { VaultClient } from '../../vault/vault-client.ts';

const Mount = Type.Object({ data: Type.Object({ type: Type.String(), options: Type.Optional(Type.Union([Type.Null(), Type.Record(Type.String(), Type.String())])) }) });
const Config = Type.Object({ data: Type.Object({ max_versions: Type.Integer({ minimum: 0 }), delete_version_after: Type.String() }) });

export interface EngineFacts {
  /** As the engine is set; 0: Vault's usual number. */
  readonly maxVersions: number;
}

/**
 * Looks at the engine before anything is written to it. Throws `unavailable` when it is no KV engine with versions: a value written to
 * one without them would lie there in a shape that nobody reads. What may not be looked at is taken to be as usual.
 */
export async function checkEngine(client: VaultClient, mount: string, log: Log): Promise<EngineFacts> {
  const found = await readable(client, `sys/internal/ui/mounts/${mount}`);
  if (found !== undefined) requireKeyValueTwo(found, mount);
  const config = await readable(client, `${mount}/config`);
  if (!Value.Check(Config, config)) return { maxVersions: 0 };
  const { max_versions: maxVersions, delete_version_after: lifetime } = config.data;
  if (maxVersions === 1) log.error('vault_max_versions_too_small', tooFew(mount));
  if (!/^0(?:s|$)/u.test(lifetime)) {
    log.error('vault_versions_run_out', `Vault deletes what is kept in ${mount} after ${lifetime}, keys in use included. Switch that off: vault write ${mount}/config delete_version_after=0s`);
  }
  return { maxVersions };
}

/** With one version only, Vault forgets the key in use before the new one has taken its place. */
export function requireTwoVersions(kept: number, what: string): void {
  if (kept < 2) throw new KeyholdError('unsupported', `${tooFew(what)} Nothing was changed.`);
}

function tooFew(what: string): string {
  return `Vault is set to keep one version only of what is in ${what}, so the key in use would be lost while a new one is stored. Let it keep 2 or more, better the usual 10.`;
}

function requireKeyValueTwo(found: Readonly<Record<string, unknown>>, mount: string): void {
  const isKeyValueTwo = Value.Check(Mount, found) && found.data.type === 'kv' && found.data.options?.['version'] === '2';
  if (isKeyValueTwo) return;
  throw new StoreUntouched(`What is mounted at ${mount} in Vault is not a KV version 2 engine. An operator has to set VAULT_MOUNT_PATH to one, or make one: vault secrets enable -path=${mount} -version=2 kv`, {
    retryAfterSeconds: 60,
  });
}

async function readable(client: VaultClient, path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  try {
    const answer = await client.request({ method: 'GET', path, mayBeForbidden: true });
    return answer.status === 200 ? answer.body : undefined;
  } catch (error) {
    if (asKeyholdError(error).code === 'permission_denied') return undefined;
    throw error;
  }
}
