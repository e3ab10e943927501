import type { Answer } from './listener.ts';
import type { Fields } from './object-fields.ts';
import type { Need } from './permissions.ts';

/** A request to one of a vault's operations, in the pieces that its path has. */
interface OperationRequest {
  /** Empty where the path has none. */
  readonly name: string;
  /** Empty where the path has none: the newest. */
  readonly version: string;
  readonly url: URL;
  /** Parses the body; throws 400 when it is no JSON object. */
  readonly fields: () => Fields;
}

/** One operation of the REST API (https://learn.microsoft.com/rest/api/keyvault/). */
export interface Operation {
  /** `secrets.get`, as the call log names it. */
  readonly id: string;
  readonly method: string;
  /** With `{name}` and `{version}` for pieces of the path. */
  readonly path: string;
  readonly need: Need;
  run(request: OperationRequest): Answer | Promise<Answer>;
}

export interface Match {
  readonly operation: Operation;
  readonly name: string;
  readonly version: string;
}

/** Finds the operation of a request; of several that fit the first. A slash at the end stands for an empty version, as the SDKs write it. */
export function matchOperation(operations: readonly Operation[], method: string, pathname: string): Match | undefined {
  const parts = pathname.split('/').slice(1);
  for (const operation of operations) {
    const pattern = operation.path.split('/').slice(1);
    const fits = operation.method === method && pattern.every((piece, at) => (piece === '{version}' ? true : piece === '{name}' ? (parts[at] ?? '') !== '' : piece === parts[at]));
    if (fits && parts.slice(pattern.length).every((part) => part === '')) {
      return { operation, name: decode(parts[pattern.indexOf('{name}')]), version: decode(parts[pattern.indexOf('{version}')]) };
    }
  }
  return undefined;
}

function decode(part: string | undefined): string {
  try {
    return decodeURIComponent(part ?? '');
  } catch {
    return part ?? '';
  }
}
