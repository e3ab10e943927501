import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A provider that writes as fast as it is read. */
export interface Firehose {
  /** What OpenAI's SDK takes as its base URL. */
  readonly openAiUrl: string;
  /** Bytes that were written by now, in all answers together. */
  written(): number;
  /** Milliseconds since the last of them. */
  quietFor(): number;
  /** Answers that are being written. */
  open(): number;
  close(): Promise<void>;
}

const PIECE = 16 * 1024;

/** `bytes` is where each answer ends: far more than anybody may keep for a client that does not read. */
export async function startFirehose({ bytes }: { readonly bytes: number }): Promise<Firehose> {
  let written = 0;
  let lastAt = Date.now();
  let open = 0;
  const server = createServer((request, response) => {
    const asEvents = !request.url?.endsWith('/embeddings');
    const text = 'x'.repeat(PIECE);
    const piece = Buffer.from(asEvents ? `data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"${text}"},"finish_reason":null}]}\n\n` : text);
    let left = bytes;
    const pour = (): void => {
      while (left > 0 && !response.destroyed) {
        left -= piece.length;
        written += piece.length;
        lastAt = Date.now();
        if (!response.write(piece)) {
          response.once('drain', pour);
          return;
        }
      }
      response.end();
    };
    open += 1;
    response.once('close', () => {
      open -= 1;
    });
    request.resume().once('end', () => {
      response.writeHead(200, { 'content-type': asEvents ? 'text/event-stream' : 'application/octet-stream' });
      pour();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    openAiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    written: () => written,
    quietFor: () => Date.now() - lastAt,
    open: () => open,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}
