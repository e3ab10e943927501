import { KeyholdError } from '../ports/errors.ts';
import { after, type Soon } from '../ports/soon.ts';
import type { BodyMemory } from './body-memory.ts';
import type { ClientRequest } from './client/client.ts';

/** R0.3 */
const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** A body and the memory it is accounted with. */
export interface HeldBody {
  readonly bytes: Buffer<ArrayBuffer>;
  /** Gives the memory back to the account; once. */
  readonly release: () => void;
}

/**
 * Reads a request's body. Throws `payload_too_large` above the limit (bytes, 32 MiB unless given), before reading when the length is announced; what `BodyMemory`
 * throws; what `ClientRequest.body` rejects with. After a refusal the rest of the body has not been read.
 */
export function readBody(request: ClientRequest, memory: BodyMemory, tenant: string, limit = MAX_BODY_BYTES): Soon<HeldBody> {
  const { 'content-length': length } = request.headers;
  const announced = length === undefined ? Number.NaN : Number(length);
  if (announced > limit) throw tooLarge(limit);
  let taken = Number.isNaN(announced) ? 0 : announced;
  memory.take(tenant, taken);
  const release = (): void => {
    memory.give(tenant, taken);
    taken = 0;
  };
  const read = request.body((size) => {
    if (size > limit) throw tooLarge(limit);
    if (size <= taken) return;
    memory.take(tenant, size - taken);
    taken = size;
  });
  if (read instanceof Promise) read.catch(release);
  return after(read, (bytes) => ({ bytes, release }));
}

function tooLarge(limit: number): KeyholdError {
  return new KeyholdError('payload_too_large', `The request body is larger than ${limit / 1024 / 1024} MiB.`);
}
