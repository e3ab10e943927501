import type { Socket } from 'node:net';
import type { ClientAddresses } from '../gateway/client/client-address.ts';
import { limitedAddress, plainAddress } from '../core/access/limited-address.ts';

/** Open connections by the other end's address: so that no single one takes them all (S34). A trusted proxy's carry everybody's requests, and do not count. */
export class ConnectionCounts {
  readonly #addresses: ClientAddresses;
  readonly #most: number;
  readonly #open = new Map<string, number>();

  constructor(addresses: ClientAddresses, most: number) {
    this.#addresses = addresses;
    this.#most = most;
  }

  /** Counts a connection until it closes. One too many is closed, and told by false. */
  admit(socket: Socket): boolean {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined || this.#addresses.isTrusted(plainAddress(remoteAddress))) return true;
    const address = limitedAddress(remoteAddress);
    const open = this.#open.get(address) ?? 0;
    if (open >= this.#most) {
      socket.destroy();
      return false;
    }
    this.#open.set(address, open + 1);
    socket.once('close', () => this.#leave(address));
    return true;
  }

  #leave(address: string): void {
    const open = (this.#open.get(address) ?? 1) - 1;
    if (open === 0) this.#open.delete(address);
    else this.#open.set(address, open);
  }
}
