import type { Socket } from 'node:net';

/** For whoever is still sending to read why. */
const READING_MS = 2_000;

/** Says something to the other end, listens to nothing, and closes the connection: by itself where the other end does. */
export function turnAway(socket: Socket, text: string): void {
  const late = setTimeout(() => socket.destroy(), READING_MS);
  socket.once('close', () => clearTimeout(late));
  // A close follows.
  socket.on('error', () => undefined);
  // Bytes that nobody reads would reset the connection under the answer.
  socket.resume();
  socket.end(text);
}
