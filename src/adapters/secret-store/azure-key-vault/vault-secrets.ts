import type { TokenCredential } from '@azure/identity';
import type { SecretClient } from '@azure/keyvault-secrets';
import type { KeyholdError } from '../../../ports/errors.ts';
import { AzureFailure, asUnavailable } from '../../azure/azure-failure.ts';
import { missingPermission, type SecretPermission } from '../../azure/azure-grants.ts';
import { lastStep } from '../../azure/azure-credential.ts';
import { type AzureRefusal, understood } from '../../azure/azure-refusal.ts';
import { type PipelinePolicy, RefusalBodies } from '../../azure/refusal-bodies.ts';
import type { CallGate } from '../../azure/call-gate.ts';
import { type DeletedSecret, deletedSecret, type KeptSecret, keptSecret, type ReadSecret, readSecret } from './kept-secret.ts';

/** How long one answer may take, and how long a call may wait for its turn when the vault says that it is too much. */
const READ = { answerMs: 5_000, patienceMs: 2_000 };
const WRITE = { answerMs: 6_000, patienceMs: 4_000 };
/** A list of names goes through every page. */
const LIST = { answerMs: 60_000, patienceMs: 5_000 };
/** The library keeps times in 32 bits: a later one would come to the vault as one long ago. Keyhold itself heeds every expiry. */
const LATEST_EXPIRY = (2 ** 31 - 1) * 1000;
/** Versions of one secret that are looked at; a secret with more than that has lost its way. */
const MOST_VERSIONS = 500;

/** Why a name cannot be written now. */
export type NameState = 'deleted' | 'changing';

export interface VaultSecretsOptions {
  /** Scheme, host and perhaps port. */
  readonly url: string;
  readonly credential: () => Promise<TokenCredential>;
  readonly isDisconnected: boolean;
  readonly gate: CallGate;
  /** What stands between the library and the network; left out: nothing. */
  readonly way?: PipelinePolicy | undefined;
  readonly onDenied: (permission: SecretPermission, error: KeyholdError) => void;
}

interface CallOptions {
  readonly permission: SecretPermission;
  readonly answerMs: number;
  readonly patienceMs: number;
}

/**
 * The calls to one vault through the official library, each bounded in time. They throw KeyholdError: `unavailable` (a `StoreUntouched` where the
 * vault has certainly done nothing), `permission_denied` with the words of R1.5.
 */
export class VaultSecrets {
  readonly #options: VaultSecretsOptions;
  readonly #bodies = new RefusalBodies();
  #client: Promise<SecretClient> | undefined;
  #pinging: Promise<void> | undefined;

  constructor(options: VaultSecretsOptions) {
    this.#options = options;
  }

  /** The name that the commands of `az` take. */
  get vaultName(): string {
    return new URL(this.#options.url).hostname.split('.')[0] ?? '';
  }

  /** The version that whoever reads the secret by its name gets. `disabled`: there is one, and it is switched off. */
  async newest(name: string): Promise<ReadSecret | 'absent' | 'disabled'> {
    return this.#get(name, undefined);
  }

  async version(name: string, version: string): Promise<ReadSecret | 'absent' | 'disabled'> {
    return this.#get(name, version);
  }

  /** Every version, oldest first as far as the vault's clock tells, without values. Empty where there is no such name. */
  async versions(name: string): Promise<readonly KeptSecret[]> {
    const found = await this.#call(
      { permission: 'list', ...READ },
      async (client, abortSignal) => {
        const kept: KeptSecret[] = [];
        for await (const properties of client.listPropertiesOfSecretVersions(name, { abortSignal })) {
          const version = keptSecret(properties);
          if (version === undefined) throw new AzureFailure('strange', { mayHaveHappened: false });
          kept.push(version);
          if (kept.length === MOST_VERSIONS) break;
        }
        return kept;
      },
      ({ status }) => (status === 404 ? [] : undefined),
    );
    return found.toSorted((a, b) => a.createdAt - b.createdAt);
  }

  async set(name: string, value: string, { tags, contentType, expiresAt }: { readonly tags: Readonly<Record<string, string>>; readonly contentType: string | undefined; readonly expiresAt: number | null }): Promise<KeptSecret | NameState> {
    const options = { tags: { ...tags }, ...(contentType === undefined ? {} : { contentType }), ...(expiresAt === null || expiresAt > LATEST_EXPIRY ? {} : { expiresOn: new Date(expiresAt) }) };
    return this.#call(
      { permission: 'set', ...WRITE },
      async (client, abortSignal) => {
        const { properties } = await client.setSecret(name, value, { ...options, abortSignal });
        return keptSecret(properties) ?? strange();
      },
      nameState,
    );
  }

  /** Switches a version off: nobody reads it any more. `absent` where there is none, or the name is deleted. */
  async disable(name: string, version: string): Promise<'done' | 'absent'> {
    return this.#call(
      { permission: 'set', ...WRITE },
      async (client, abortSignal) => {
        await client.updateSecretProperties(name, version, { enabled: false, abortSignal });
        return 'done' as const;
      },
      (refusal) => (refusal.status === 404 || nameState(refusal) !== undefined ? 'absent' : undefined),
    );
  }

  /** Begins the soft deletion of all versions; readers are without them from now on. */
  async delete(name: string): Promise<void> {
    await this.#call(
      { permission: 'delete', ...WRITE },
      async (client, abortSignal) => {
        await client.beginDeleteSecret(name, { abortSignal });
        return true;
      },
      (refusal) => (refusal.status === 404 || nameState(refusal) !== undefined ? true : undefined),
    );
  }

  /** The newest version of a secret that is deleted and can still be recovered; undefined where there is none, or not yet. */
  async deleted(name: string): Promise<DeletedSecret | undefined> {
    const found = await this.#call(
      { permission: 'get', ...READ },
      async (client, abortSignal) => deletedSecret(await client.getDeletedSecret(name, { abortSignal })) ?? strange(),
      (refusal) => (refusal.status === 404 || nameState(refusal) !== undefined ? ('absent' as const) : undefined),
    );
    return found === 'absent' ? undefined : found;
  }

  /** Begins the recovery of all versions. `changing`: the name is still on its way to the deleted ones, or back already. */
  async recover(name: string): Promise<'begun' | 'absent' | 'changing'> {
    return this.#call(
      { permission: 'recover', ...WRITE },
      async (client, abortSignal) => {
        await client.beginRecoverDeletedSecret(name, { abortSignal });
        return 'begun' as const;
      },
      (refusal) => (refusal.status === 404 ? 'absent' : nameState(refusal) === undefined ? undefined : 'changing'),
    );
  }

  /** Ends a deleted secret for good. `refused`: Keyhold may not, or the vault keeps it until its retention ends, whoever asks. */
  async purge(name: string): Promise<'done' | 'refused' | 'changing'> {
    return this.#call(
      { permission: 'purge', ...WRITE },
      async (client, abortSignal) => {
        await client.purgeDeletedSecret(name, { abortSignal });
        return 'done' as const;
      },
      (refusal) => (refusal.status === 404 ? 'done' : refusal.status === 403 ? 'refused' : nameState(refusal) === undefined ? undefined : 'changing'),
    );
  }

  /** The names of all live secrets, as the vault writes them. */
  async names(): Promise<readonly string[]> {
    return this.#call<readonly string[], never>(
      { permission: 'list', ...LIST },
      async (client, abortSignal) => {
        const names: string[] = [];
        for await (const { name } of client.listPropertiesOfSecrets({ abortSignal })) names.push(name);
        return names;
      },
      () => undefined,
    );
  }

  /** The cheapest question, a page of one name, asked once for all who ask at the same time. */
  ping(): Promise<void> {
    this.#pinging ??= this.#ping().finally(() => {
      this.#pinging = undefined;
    });
    return this.#pinging;
  }

  async #ping(): Promise<void> {
    await this.#call<true, never>(
      { permission: 'list', answerMs: 2_500, patienceMs: 0 },
      async (client, abortSignal) => {
        await client.listPropertiesOfSecrets({ abortSignal }).byPage({ maxPageSize: 1 }).next();
        return true;
      },
      () => undefined,
    );
  }

  async #get(name: string, version: string | undefined): Promise<ReadSecret | 'absent' | 'disabled'> {
    return this.#call(
      { permission: 'get', ...READ },
      async (client, abortSignal) => readSecret(await client.getSecret(name, { ...(version === undefined ? {} : { version }), abortSignal })) ?? strange(),
      (refusal) => {
        if (refusal.code === 'SecretDisabled') return 'disabled';
        return refusal.status === 404 || nameState(refusal) !== undefined ? 'absent' : undefined;
      },
    );
  }

  /** `expected` gives what a refusal means where it is an answer, too; undefined: it is an error. */
  async #call<T, E>({ permission, answerMs, patienceMs }: CallOptions, work: (client: SecretClient, abortSignal: AbortSignal) => Promise<T>, expected: (refusal: AzureRefusal) => E | undefined): Promise<T | E> {
    try {
      return await this.#options.gate.run(async () => {
        const answered = await this.#answered(work, answerMs);
        if (!('refusal' in answered)) return answered.value;
        const value = expected(answered.refusal);
        if (value !== undefined) return value;
        throw this.#refused(answered.refusal, permission);
      }, patienceMs);
    } catch (error) {
      throw error instanceof AzureFailure ? asUnavailable(error) : error;
    }
  }

  async #answered<T>(work: (client: SecretClient, abortSignal: AbortSignal) => Promise<T>, answerMs: number): Promise<{ readonly value: T } | { readonly refusal: AzureRefusal }> {
    const client = await this.#opened();
    const signal = AbortSignal.timeout(answerMs);
    const late = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new AzureFailure('silent', { mayHaveHappened: true })), { once: true });
    });
    try {
      // Not everything on the way to a token heeds the signal.
      const value = await Promise.race([work(client, signal), late]);
      return { value };
    } catch (error) {
      const meaning = understood(error, this.#bodies.of(error));
      if (meaning instanceof AzureFailure) throw meaning;
      return { refusal: meaning };
    }
  }

  /** The library, loaded when the first call needs it. */
  #opened(): Promise<SecretClient> {
    this.#client ??= this.#open().catch((error: unknown) => {
      this.#client = undefined;
      throw error;
    });
    return this.#client;
  }

  async #open(): Promise<SecretClient> {
    const { url, credential, isDisconnected, way } = this.#options;
    const [library, token] = await Promise.all([import('@azure/keyvault-secrets'), credential()]);
    return new library.SecretClient(url, token, { disableChallengeResourceVerification: isDisconnected, retryOptions: { maxRetries: 0 }, redirectOptions: { maxRetries: 0 }, additionalPolicies: [{ policy: this.#bodies.policy, position: 'perCall' }, ...lastStep(way)] });
  }

  #refused(refusal: AzureRefusal, permission: SecretPermission): Error {
    if (refusal.status !== 403) return new AzureFailure('strange', { mayHaveHappened: false, status: refusal.status, code: refusal.code });
    const error = missingPermission(permission, this.vaultName, refusal);
    this.#options.onDenied(permission, error);
    return error;
  }
}

/** https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview: for some seconds a name is on its way to, or back from, the deleted ones. */
function nameState({ status, code }: AzureRefusal): NameState | undefined {
  if (status !== 409) return undefined;
  return code === 'ObjectIsDeletedButRecoverable' ? 'deleted' : 'changing';
}

function strange(): never {
  throw new AzureFailure('strange', { mayHaveHappened: true });
}
