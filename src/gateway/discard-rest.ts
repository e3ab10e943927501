import type { IncomingMessage } from 'node:http';

const MAX_BYTES = 64 * 1024 * 1024;
const MAX_MS = 10_000;

/**
 * Reads what is left of a refused request's body and keeps none of it: a connection that is closed with unread bytes is reset, and
 * the client would lose the answer that says what was wrong. Bounded, then the connection ends.
 */
export function discardRest(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  let size = 0;
  const late = setTimeout(() => request.socket.destroy(), MAX_MS);
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > MAX_BYTES) request.socket.destroy();
  });
  request.once('end', () => clearTimeout(late));
  request.once('close', () => clearTimeout(late));
  request.resume();
}
