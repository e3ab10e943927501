import { connect, type Socket } from 'node:net';
import type { Product } from './product.ts';

/** Requests whose bodies do not come: open, as far as Keyhold is concerned, and with no provider behind them. */
export class OpenHeads {
  /** Whose heads have been sent. */
  connected = 0;
  /** Status lines of those that were answered. */
  readonly refused: string[] = [];
  readonly #sockets: Socket[] = [];
  readonly #address: { readonly host: string; readonly port: number };
  readonly #head: string;

  constructor({ url }: Pick<Product, 'url'>, gatewayKey: string) {
    const { hostname, port, host } = new URL(url);
    this.#address = { host: hostname, port: Number(port) };
    this.#head = `POST /v1/chat/completions HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${gatewayKey}\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n`;
  }

  send(count: number): void {
    for (let sent = 0; sent < count; sent += 1) {
      const socket = connect(this.#address);
      this.#sockets.push(socket);
      socket.once('connect', () => socket.write(this.#head, () => (this.connected += 1)));
      socket.once('data', (data) => this.refused.push(data.toString('latin1').split('\r\n')[0] ?? ''));
      // Whoever was refused is cut off.
      socket.on('error', () => undefined);
    }
  }

  leave(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
