import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { Repository, Stored } from '../../ports/metadata/stored.ts';
import { etagOf, type IfMatch, requireMatch } from './etag.ts';

/** Other writers of one record are few and brief; who loses this often in a row meets a loop, not bad luck. */
const ATTEMPTS = 10;

export interface Put {
  readonly ifMatch?: IfMatch | undefined;
  /** Tells every cache that nothing older than this revision counts any more. */
  readonly announce: (revision: number) => Promise<void>;
}

/**
 * Puts one record as a whole, whatever was there, and announces it; where there was none, its ETag was 0. Returns the record as it is afterwards. Throws
 * `precondition_failed` when `ifMatch` names another version, `conflict` when others keep writing, and what the repository throws.
 */
export async function putRecord<K, R>(repository: Repository<K, R>, key: K, record: R, { ifMatch, announce }: Put): Promise<Stored<R>> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const before = await repository.get(key);
    requireMatch(ifMatch, etagOf(before?.revision ?? 0));
    try {
      const after = before === undefined ? await repository.create(key, record) : await repository.replace(key, record, before.revision);
      await announce(after.revision);
      return after;
    } catch (error) {
      const { code } = asKeyholdError(error);
      if (code === 'conflict' || code === 'already_exists') continue;
      // The write may have happened although its answer was lost: nobody goes on with what was cached before.
      await announce(before?.revision ?? 0);
      throw error;
    }
  }
  throw new KeyholdError('conflict', 'It is being changed by somebody else at the same time. Nothing was changed; send the request again.');
}
