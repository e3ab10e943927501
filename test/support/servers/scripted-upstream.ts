import { createServer, type AddressInfo, type Socket } from 'node:net';

/** A provider that answers every request with the bytes it is given, right or wrong as HTTP. */
export interface ScriptedUpstream {
  readonly url: string;
  /** What the next requests get: pieces, sent one after the other; then the connection ends. One character is one byte. */
  answer: readonly string[];
  close(): Promise<void>;
}

/** Long enough for a piece to arrive by itself. */
const BETWEEN_PIECES_MS = 15;

export async function startScriptedUpstream(): Promise<ScriptedUpstream> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    let request = '';
    socket.on('data', (chunk) => {
      request += chunk.toString('latin1');
      const head = request.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(request)?.[1] ?? 0);
      if (head !== -1 && request.length >= head + 4 + length) void play(socket, upstream.answer);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP listener has an AddressInfo
  const { port } = server.address() as AddressInfo;
  const upstream: ScriptedUpstream = {
    url: `http://127.0.0.1:${port}`,
    answer: [],
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
  return upstream;
}

async function play(socket: Socket, pieces: readonly string[]): Promise<void> {
  for (const piece of pieces) {
    socket.write(Buffer.from(piece, 'latin1'));
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_PIECES_MS));
  }
  socket.end();
}

/** A whole JSON answer. */
export function jsonAnswer(status: number, body: unknown, headers = ''): string[] {
  const text = JSON.stringify(body);
  return [`HTTP/1.1 ${status} Some\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n${headers}\r\n${text}`];
}

/** A stream that ends with the connection. */
export function eventAnswer(...pieces: readonly string[]): string[] {
  return ['HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n', ...pieces];
}
