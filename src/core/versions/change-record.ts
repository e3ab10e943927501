import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { Repository, Stored } from '../../ports/metadata/stored.ts';
import { etagOf, type IfMatch, requireMatch } from './etag.ts';

/** Other writers of one record are few and brief; who loses this often in a row meets a loop, not bad luck. */
const ATTEMPTS = 10;

export interface Change<R> {
  /** The new record, or undefined to leave it as it is. May throw. Asked again when somebody else wrote in between. */
  readonly decide: (record: R) => R | undefined | Promise<R | undefined>;
  /** What to throw where there is no record. */
  readonly missing: () => KeyholdError;
  /** Tells every cache that nothing older than this revision counts any more. */
  readonly announce: (revision: number) => Promise<void>;
  readonly ifMatch?: IfMatch | undefined;
}

/**
 * Changes one record as it is now by compare-and-set, repeated while others get in between, and announces it. Returns the record
 * as it is afterwards. Throws `precondition_failed` when `ifMatch` names another version, `conflict` when others keep writing,
 * and what the parts of the change throw.
 */
export async function changeRecord<K, R>(repository: Repository<K, R>, key: K, { decide, missing, announce, ifMatch }: Change<R>): Promise<Stored<R>> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const before = await repository.get(key);
    if (before === undefined) throw missing();
    requireMatch(ifMatch, etagOf(before.revision));
    const record = await decide(before.record);
    if (record === undefined) {
      // Made so by somebody who may have died before it was announced.
      await announce(before.revision);
      return before;
    }
    try {
      const after = await repository.replace(key, record, before.revision);
      await announce(after.revision);
      return after;
    } catch (error) {
      if (asKeyholdError(error).code === 'conflict') continue;
      // The write may have happened although its answer was lost: nobody goes on with what was cached before.
      await announce(before.revision);
      throw error;
    }
  }
  throw new KeyholdError('conflict', 'It is being changed by somebody else at the same time. Nothing was changed; send the request again.');
}
