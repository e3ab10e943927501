import { connect, type Socket } from 'node:net';
import { chatPath } from './payload.ts';

/** The bytes of a chat request, as they go to this address. */
export function requestBytes(url: string, key: string, body: string): Buffer {
  const head = [`POST ${chatPath} HTTP/1.1`, `host: ${new URL(url).host}`, `authorization: Bearer ${key}`, 'content-type: application/json', `content-length: ${Buffer.byteLength(body)}`];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
}

/** A connection that sends one request at a time, on a bare socket: a client that adds as little as it can to what is measured. */
export class RawConnection {
  readonly #socket: Socket;
  #text = '';
  #answered: ((status: number) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (chunk: string) => this.#read(chunk));
    this.#socket.on('error', (error) => this.#failed?.(error));
    this.#socket.on('close', () => this.#failed?.(new Error('The gateway closed the connection.')));
  }

  /** Calls back with the status when the whole answer, which has a length, is there. */
  send(request: Buffer, answered: (status: number) => void, failed: (error: Error) => void): void {
    this.#answered = answered;
    this.#failed = failed;
    this.#socket.write(request);
  }

  close(): void {
    this.#failed = undefined;
    this.#socket.destroy();
  }

  #read(chunk: string): void {
    this.#text += chunk;
    const bodyAt = this.#text.indexOf('\r\n\r\n') + 4;
    if (bodyAt === 3) return;
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(this.#text)?.[1] ?? Number.NaN);
    if (Number.isNaN(length)) this.#failed?.(new Error('The answer has no length.'));
    if (this.#text.length < bodyAt + length) return;
    const status = Number(this.#text.slice('HTTP/1.1 '.length, 'HTTP/1.1 '.length + 3));
    const answered = this.#answered;
    this.#text = '';
    this.#answered = undefined;
    this.#failed = undefined;
    answered?.(status);
  }
}
