import type { IncomingMessage } from 'node:http';
import { KeyholdError } from '../ports/errors.ts';
import { BodyPieces } from './body-pieces.ts';

/** R0.3: of a request to the control plane, in bytes; some addresses take less. */
export const BODY_LIMIT = 1024 * 1024;

/**
 * A request's body, of so many bytes at most. Throws `payload_too_large` as soon as it is known to be so, and `canceled` when the client leaves; what still comes
 * is thrown away then.
 */
export async function wholeBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const pieces = new BodyPieces();
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge(request, limit);
  await new Promise<void>((resolve, reject) => {
    const read = (piece: Buffer<ArrayBuffer>): void => {
      pieces.add(piece);
      if (pieces.size <= limit) return;
      request.off('data', read);
      reject(tooLarge(request, limit));
    };
    request.on('data', read);
    request.once('end', resolve);
    request.once('error', (cause) => reject(new KeyholdError('canceled', 'The client left before its request was read.', { cause })));
    request.once('close', () => reject(new KeyholdError('canceled', 'The client left before its request was read.')));
  });
  return pieces.whole();
}

function tooLarge(request: IncomingMessage, limit: number): KeyholdError {
  request.resume();
  return new KeyholdError('payload_too_large', `The request body is larger than ${limit === BODY_LIMIT ? '1 MiB' : `${limit / 1024} KiB`}. Nothing this address takes is that long.`);
}
