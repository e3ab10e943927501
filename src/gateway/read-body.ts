import type { IncomingMessage } from 'node:http';
import { KeyholdError } from '../ports/errors.ts';
import type { BodyMemory } from './body-memory.ts';
import { BodyPieces } from '../http/body-pieces.ts';

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
 * throws; `canceled` when the client leaves. After a refusal the rest of the body has not been read.
 */
export async function readBody(request: IncomingMessage, memory: BodyMemory, tenant: string, limit = MAX_BODY_BYTES): Promise<HeldBody> {
  const announced = Number(request.headers['content-length'] ?? Number.NaN);
  if (announced > limit) throw tooLarge(limit);
  let taken = Number.isNaN(announced) ? 0 : announced;
  memory.take(tenant, taken);
  const release = (): void => {
    memory.give(tenant, taken);
    taken = 0;
  };
  try {
    const bytes = await collect(request, (size) => {
      if (size > limit) throw tooLarge(limit);
      if (size <= taken) return;
      memory.take(tenant, size - taken);
      taken = size;
    });
    return { bytes, release };
  } catch (error) {
    release();
    throw error;
  }
}

function collect(request: IncomingMessage, grown: (size: number) => void): Promise<Buffer<ArrayBuffer>> {
  return new Promise((resolve, reject) => {
    const pieces = new BodyPieces();
    const stop = (): void => {
      request.off('data', data).off('end', end).off('close', closed).off('error', closed);
      request.pause();
    };
    const data = (chunk: Buffer<ArrayBuffer>): void => {
      try {
        grown(pieces.size + chunk.length);
      } catch (error) {
        stop();
        reject(error instanceof Error ? error : new Error('The body was refused.', { cause: error }));
        return;
      }
      pieces.add(chunk);
    };
    const end = (): void => {
      stop();
      resolve(pieces.whole());
    };
    const closed = (): void => {
      stop();
      reject(new KeyholdError('canceled', 'The client left before its request was complete.'));
    };
    request.on('data', data).on('end', end).on('close', closed).on('error', closed);
  });
}

function tooLarge(limit: number): KeyholdError {
  return new KeyholdError('payload_too_large', `The request body is larger than ${limit / 1024 / 1024} MiB.`);
}
