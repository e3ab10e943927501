import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { Clock } from '../../../ports/clock.ts';
import { KeyholdError } from '../../../ports/errors.ts';
import { StoreUntouched } from '../../../ports/secret-store.ts';
import type { SecretFields } from '../../../ports/secret-value.ts';
import type { VaultAnswer, VaultCall, VaultClient } from '../../vault/vault-client.ts';
import { type KeptVersions, keptVersions } from './kv-metadata.ts';

const Listed = Type.Object({ data: Type.Object({ keys: Type.Array(Type.String()) }) });
const Written = Type.Object({ data: Type.Object({ version: Type.Integer({ minimum: 1 }), deletion_time: Type.String() }) });

export interface WrittenVersion {
  readonly version: number;
  /** Vault deletes it by itself at some time (`delete_version_after`). */
  readonly runsOut: boolean;
}

/** The calls of a KV v2 engine that the store needs, with checked answers. Throws KeyholdError as the client does. */
export class KvEngine {
  readonly mount: string;
  readonly #client: VaultClient;
  readonly #clock: Clock;

  constructor(client: VaultClient, mount: string, clock: Clock) {
    this.mount = mount;
    this.#client = client;
    this.#clock = clock;
  }

  async metadata(path: string): Promise<KeptVersions> {
    const answer = await this.#client.request({ method: 'GET', path: `${this.mount}/metadata/${path}` });
    const kept = keptVersions(answer, this.#clock.now());
    if (kept === undefined) throw strange(answer);
    return kept;
  }

  /** The names in a folder, ascending; that of a folder in it ends with a slash. */
  async list(folder: string): Promise<readonly string[]> {
    const answer = await this.#client.request({ method: 'LIST', path: `${this.mount}/metadata/${folder}` });
    if (answer.status === 404) return [];
    if (answer.status !== 200 || !Value.Check(Listed, answer.body)) throw strange(answer);
    return answer.body.data.keys.toSorted();
  }

  /** Writes a version onto exactly this one (0: only where there is none); undefined when another one is the newest. */
  async write(path: string, fields: SecretFields, cas: number): Promise<WrittenVersion | undefined> {
    const data = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, value.reveal()]));
    const answer = await this.#client.request({ method: 'POST', path: `${this.mount}/data/${path}`, body: { options: { cas }, data }, capability: cas === 0 ? 'create' : 'update' });
    if (answer.status === 400 && answer.errors.some((error) => error.includes('check-and-set parameter did not match'))) return undefined;
    if (answer.status !== 200 || !Value.Check(Written, answer.body)) throw strange(answer);
    const { version, deletion_time: removal } = answer.body.data;
    return { version, runsOut: removal !== '' };
  }

  /** Adds to the secret's custom metadata, whether the secret is there or not. */
  async note(path: string, { exists }: KeptVersions, custom: Readonly<Record<string, string>>): Promise<void> {
    await this.#done({ method: exists ? 'PATCH' : 'POST', path: `${this.mount}/metadata/${path}`, body: { custom_metadata: custom }, ...(exists ? {} : { capability: 'create' }) });
  }

  async remove(path: string, version: number): Promise<void> {
    await this.#done({ method: 'POST', path: `${this.mount}/delete/${path}`, body: { versions: [version] } });
  }

  async undelete(path: string, version: number): Promise<void> {
    await this.#done({ method: 'POST', path: `${this.mount}/undelete/${path}`, body: { versions: [version] } });
  }

  async destroy(path: string, version: number): Promise<void> {
    await this.#done({ method: 'PUT', path: `${this.mount}/destroy/${path}`, body: { versions: [version] } });
  }

  /** 404 is fine: what is not there needs no change. */
  async #done(call: VaultCall): Promise<void> {
    const answer = await this.#client.request(call);
    if (answer.status === 400) throw strange(answer);
  }
}

/** What was refused is the question afterwards, not the change: of that nothing is known. */
export function afterChange(error: unknown): unknown {
  if (!(error instanceof StoreUntouched)) return error;
  return new KeyholdError('unavailable', error.publicMessage, { cause: error, ...(error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }) });
}

/** Vault has answered something that this call never answers. Whether it did anything is not known. */
function strange({ status }: VaultAnswer): KeyholdError {
  return new KeyholdError('unavailable', 'The secret store answered in a way that Keyhold does not understand. An operator has to check that it is Vault with a KV version 2 engine.', {
    cause: new Error(`Vault answered HTTP ${status} with a body that does not fit the call.`),
    retryAfterSeconds: 30,
  });
}
