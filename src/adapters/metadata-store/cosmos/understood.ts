import { signInTrouble } from '../../azure/sign-in-trouble.ts';
import { isObject, isThrown } from '../../azure/thrown.ts';
import { CosmosFailure, type CosmosTrouble } from './cosmos-failure.ts';

/** What Cosmos DB says about one item: it is there already, it has changed, or there is none. */
export type ItemAnswer = 'exists' | 'changed' | 'absent';

// Substatus numbers, https://learn.microsoft.com/rest/api/cosmos-db/http-status-codes-for-cosmosdb
const WRITE_FORBIDDEN = 3;
const READ_SESSION_NOT_AVAILABLE = 1002;
const OWNER_NOT_FOUND = 1003;
const ACCOUNT_NOT_FOUND = 1008;
const PARTITION_FULL = 1014;
const FIREWALL = /firewall|originated from|virtual network|public network/iu;

/** What an error of the official library means. Nothing of the error itself is kept. */
export function understood(error: unknown): ItemAnswer | CosmosFailure {
  if (error instanceof CosmosFailure) return error.bare();
  if (isThrown(error)) {
    const signIn = signInTrouble(error);
    if (signIn !== undefined) return new CosmosFailure(signIn.trouble, { mayHaveHappened: false, code: signIn.code });
    if (error.name === 'AbortError' || error.name === 'TimeoutError') return new CosmosFailure('silent', { mayHaveHappened: true });
  }
  if (!isObject(error) || typeof error['code'] !== 'number') return new CosmosFailure('strange', { mayHaveHappened: true });
  return statusMeaning({ status: error['code'], substatus: numberIn(error, 'substatus'), retryAfterMs: numberIn(error, 'retryAfterInMs'), message: isThrown(error) ? error.message : '' });
}

interface StatusAnswer {
  readonly status: number;
  readonly substatus: number | undefined;
  readonly retryAfterMs: number | undefined;
  /** Looked through for words of Cosmos DB's own lists; never kept. */
  readonly message: string;
}

/** What a status of 400 and above means. */
function statusMeaning({ status, substatus, retryAfterMs, message }: StatusAnswer): ItemAnswer | CosmosFailure {
  const failure = (trouble: CosmosTrouble, mayHaveHappened: boolean): CosmosFailure => new CosmosFailure(trouble, { mayHaveHappened, status, substatus, retryAfterMs });
  switch (status) {
    case 401:
      return failure('refused', false);
    case 403:
      if (substatus === WRITE_FORBIDDEN) return failure('failing', false);
      if (substatus === ACCOUNT_NOT_FOUND) return failure('gone', false);
      if (substatus === PARTITION_FULL) return failure('full', false);
      return failure(FIREWALL.test(message) ? 'firewall' : 'forbidden', false);
    case 404:
      if (substatus === READ_SESSION_NOT_AVAILABLE) return failure('stale', false);
      return substatus === OWNER_NOT_FOUND ? failure('gone', false) : 'absent';
    case 408:
      return failure('silent', true);
    case 409:
      return 'exists';
    case 412:
      return 'changed';
    case 429:
      return failure('busy', false);
    case 449:
      return failure('again', false);
    default:
      // 410: a partition is on the move. All from 500 on may come after the write.
      return status === 410 || status >= 500 ? failure('failing', true) : failure('strange', false);
  }
}

function numberIn(error: Readonly<Record<string, unknown>>, name: string): number | undefined {
  const value = error[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
