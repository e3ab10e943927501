import type { BusReceiver, BusTransport } from '../../src/ports/bus-transport.ts';

/** A medium in memory that does what media do: loses, repeats, exchanges, forges and cuts off. Every message goes to everybody, the sender included. */
export class MemoryMedium {
  /** Decides what becomes of the next messages: what is delivered for one that was sent. */
  passes: (bytes: Buffer) => readonly Buffer[] = (bytes) => [bytes];
  readonly sent: Buffer[] = [];
  readonly #receivers = new Map<BusTransport, BusReceiver>();
  readonly #cut = new Set<BusTransport>();

  transport(): BusTransport {
    const transport: BusTransport = {
      kind: 'redis',
      start: (receiver) => void this.#receivers.set(transport, receiver),
      send: async (bytes) => {
        if (this.#cut.has(transport)) return false;
        this.sent.push(bytes);
        for (const passed of this.passes(bytes)) this.deliver(passed);
        return true;
      },
      close: async () => void this.#receivers.delete(transport),
    };
    return transport;
  }

  deliver(bytes: Buffer): void {
    for (const [transport, receiver] of this.#receivers) if (!this.#cut.has(transport)) receiver.receive(bytes);
  }

  cut(transport: BusTransport): void {
    this.#cut.add(transport);
    this.#receivers.get(transport)?.interrupted(new Error('cut off by the test'));
  }

  mend(transport: BusTransport): void {
    this.#cut.delete(transport);
  }
}
