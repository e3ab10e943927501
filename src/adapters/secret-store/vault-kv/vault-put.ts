import { certainlyNothingHappened } from '../../../core/credentials/store-errors.ts';
import type { Clock } from '../../../ports/clock.ts';
import { KeyholdError } from '../../../ports/errors.ts';
import type { Log } from '../../../ports/log.ts';
import type { PutIntent, SecretName } from '../../../ports/secret-store.ts';
import type { SecretFields } from '../../../ports/secret-value.ts';
import type { VaultClient } from '../../vault/vault-client.ts';
import { requireTwoVersions } from './engine-check.ts';
import { afterChange, type KvEngine } from './kv-engine.ts';
import { customKeys, keptAfter, type KeptVersions, versionsKept } from './kv-metadata.ts';
import { secretPath } from './secret-path.ts';

/** A put that has taken so long may have been given up by others, and moves to another base no more. */
const LATE_MS = 10_000;
/** Every round is an answer to what somebody else just wrote, and only few do. */
const ROUNDS = 5;
/** So many versions after the base can be ours; more are somebody else's game. */
const MOST_TO_READ = 5;

export type FieldsDigest = (name: SecretName, version: number, fields: SecretFields) => string;

export interface VaultPutDependencies {
  readonly client: VaultClient;
  readonly engine: KvEngine;
  readonly digest: FieldsDigest;
  readonly clock: Clock;
  readonly log: Log;
}

/** A put that is under way. */
interface Attempt {
  readonly name: SecretName;
  readonly intent: PutIntent;
  readonly path: string;
  /** The version in Vault that the put builds on; 0: none. */
  readonly base: number;
}

/**
 * Writing to Vault so that every put happens once or never. Vault's check-and-set lets one write onto each version; a put is proven by a version
 * after its base whose fields have the intent's digest. `custom_metadata` proves nothing, since it belongs to all versions together.
 */
export class VaultPut {
  readonly #client: VaultClient;
  readonly #engine: KvEngine;
  readonly #digest: FieldsDigest;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor({ client, engine, digest, clock, log }: VaultPutDependencies) {
    this.#client = client;
    this.#engine = engine;
    this.#digest = digest;
    this.#clock = clock;
    this.#log = log;
  }

  /**
   * The version in Vault that holds the fields now. `engineMaxVersions` as the engine is set. After a write whose answer was lost only what proves that it
   * happened, or that it cannot any more, is an end; anything else that goes wrong leaves it open.
   */
  async put(name: SecretName, fields: SecretFields, intent: PutIntent, engineMaxVersions: number): Promise<number> {
    const attempt = attemptOf(name, intent);
    const startedAt = this.#clock.monotonic();
    const first = attempt.base === 0 ? undefined : await this.#engine.metadata(attempt.path);
    let target = first === undefined ? 0 : await this.#targetOrProof(attempt, first, startedAt, engineMaxVersions);
    for (let round = 0; round < ROUNDS; round += 1) {
      if (typeof target === 'object') return target.proven;
      try {
        const written = await this.#write(attempt.path, fields, target);
        if (written !== undefined) return written;
      } catch (error) {
        if (certainlyNothingHappened(error)) throw error;
        return this.#writeAgain(attempt, fields, target, error);
      }
      target = await this.#nextTarget(attempt, startedAt, engineMaxVersions);
    }
    throw changedSince();
  }

  /** The version in Vault that proves the put. */
  async probe(name: SecretName, intent: PutIntent): Promise<number | undefined> {
    const attempt = attemptOf(name, intent);
    return this.#proven(attempt, await this.#engine.metadata(attempt.path));
  }

  /**
   * Uses the check-and-set of a put that did not happen up, so that it cannot arrive any more (a request may be stuck for long between a dead
   * process and Vault). Whoever reads the newest version goes on finding the live value: it is written once more, and the version
   * of that is returned. Where nothing is live, an empty version is written and destroyed
   * (a deleted key that is recovered afterwards serves as before; only who reads the newest version with other tools finds it from the next put on).
   */
  async giveUp(name: SecretName, intent: PutIntent): Promise<number | undefined> {
    const attempt = attemptOf(name, intent);
    const { path, base } = attempt;
    const kept = await this.#engine.metadata(path);
    if ((await this.#proven(attempt, kept)) !== undefined) throw changedSince();
    if (isFenced(intent, kept)) return undefined;
    const live = base === 0 ? undefined : await this.#read(path, base);
    const [next, ...more] = keptAfter(kept, base);
    if (next !== undefined) {
      const isFence = more.length === 0 && next.version === kept.fence && intent.version === kept.givenUp;
      // Otherwise somebody wrote it by hand, and the put that is given up finds its base gone.
      return isFence ? this.#finishFence(path, next.version, live) : undefined;
    }
    const fence = kept.current + 1;
    await this.#engine.note(path, kept, { [customKeys.givenUp]: String(intent.version), [customKeys.fence]: String(fence) });
    const written = await this.#engine.write(path, live ?? {}, kept.current);
    if (written === undefined) throw changedSince();
    return this.#finishFence(path, written.version, live);
  }

  async #finishFence(path: string, version: number, live: SecretFields | undefined): Promise<number | undefined> {
    const fields = await this.#read(path, version);
    if (live !== undefined && fields !== undefined && sameFields(fields, live)) return version;
    if (fields !== undefined && Object.keys(fields).length === 0) await this.#engine.destroy(path, version);
    return undefined;
  }

  /** The same write once more, which Vault refuses if the first one has arrived. */
  async #writeAgain(attempt: Attempt, fields: SecretFields, target: number, unanswered: unknown): Promise<number> {
    let kept: KeptVersions;
    try {
      const before = await this.#engine.metadata(attempt.path);
      const written = before.current === target ? await this.#write(attempt.path, fields, target) : undefined;
      if (written !== undefined) return written;
      kept = await this.#engine.metadata(attempt.path);
      const proven = await this.#proven(attempt, kept);
      if (proven !== undefined) return proven;
    } catch {
      throw unanswered;
    }
    throw kept.current === target ? unanswered : changedSince();
  }

  async #write(path: string, fields: SecretFields, target: number): Promise<number | undefined> {
    const written = await this.#engine.write(path, fields, target);
    if (written?.runsOut === true) this.#warnThatItRunsOut(path);
    return written?.version;
  }

  /** After a write that Vault refused. It may have been our own, sent again to where a redirect led, that was in the way. */
  async #nextTarget(attempt: Attempt, startedAt: number, engineMaxVersions: number): Promise<number | { readonly proven: number }> {
    try {
      return await this.#targetOrProof(attempt, await this.#engine.metadata(attempt.path), startedAt, engineMaxVersions);
    } catch (error) {
      throw afterChange(error);
    }
  }

  /** What to write onto: the base, or a newer version where all since has been destroyed: puts that were given up. */
  async #targetOrProof(attempt: Attempt, kept: KeptVersions, startedAt: number, engineMaxVersions: number): Promise<number | { readonly proven: number }> {
    const { base, intent, path } = attempt;
    const proven = await this.#proven(attempt, kept);
    if (proven !== undefined) return { proven };
    if (base > 0) requireTwoVersions(versionsKept(kept, engineMaxVersions), path);
    if (kept.current === base) return base;
    const isFree = kept.current > base && keptAfter(kept, base).length === 0;
    const isInTime = intent.version > kept.givenUp && this.#clock.monotonic() - startedAt < LATE_MS;
    if (!isFree || !isInTime) throw changedSince();
    return kept.current;
  }

  async #proven({ name, intent, path, base }: Attempt, kept: KeptVersions): Promise<number | undefined> {
    for (const { version, state } of keptAfter(kept, base).slice(0, MOST_TO_READ)) {
      if (state !== 'live') continue;
      const fields = await this.#read(path, version);
      if (fields !== undefined && this.#digest(name, intent.version, fields) === intent.digest) return version;
    }
    return undefined;
  }

  async #read(path: string, version: number): Promise<SecretFields | undefined> {
    return (await this.#client.readSecret(this.#engine.mount, path, version))?.fields;
  }

  #warnThatItRunsOut(path: string): void {
    this.#log.warn('vault_version_runs_out', `Vault will delete what was just stored by itself, since delete_version_after is set. Switch it off: vault kv metadata put -delete-version-after=0s ${this.#engine.mount}/${path}`, { name: path });
  }
}

function attemptOf(name: SecretName, intent: PutIntent): Attempt {
  return { name, intent, path: secretPath(name), base: intent.cas === null ? 0 : Number(intent.cas) };
}

/** Whether this put has been given up to the end, over nothing that lived. */
function isFenced({ version }: PutIntent, { givenUp, fence, versions }: KeptVersions): boolean {
  return givenUp === version && versions.some((kept) => kept.version === fence && kept.state === 'destroyed');
}

function sameFields(a: SecretFields, b: SecretFields): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && a[name]?.reveal() === b[name]?.reveal());
}

function changedSince(): KeyholdError {
  return new KeyholdError('conflict', 'Vault holds another version than the one this write builds on: somebody else has written it. Nothing was changed. Look at the credential, then send it again.');
}
