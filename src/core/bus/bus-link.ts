import type { KeyObject } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BusMessage, BusNews } from '../../ports/bus.ts';
import { type BusReceiver, type BusTransport, LARGEST_MESSAGE } from '../../ports/bus-transport.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Metrics } from '../../ports/metrics.ts';
import { type Envelope, opened, sealed } from './envelope.ts';
import { SenderWatch, SILENT_AFTER_MS } from './sender-watch.ts';

/** How long a change waits for the transport to take its announcement, at most. */
const SEND_MS = 250;

export interface BusLinkDependencies {
  readonly transport: BusTransport;
  /** `root.subkey('bus')`. */
  readonly key: KeyObject;
  readonly replica: string;
  readonly epoch: string;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'bus' | 'busDelivery'>;
  /** Told of every change by others, and of `missed` whenever the link is doubted and when it is whole again. */
  readonly tell: (news: BusNews) => void;
}

/**
 * One transport, and whether all that goes through it arrives. It is trusted from the moment it carries this process's own messages back until something is
 * missing: a number that was left out, somebody who falls silent, this process's own heartbeat, a message that nobody can read but is ours.
 * The sender's side of it: what could not be sent is owed, and the next message that goes out says so.
 */
export class BusLink implements BusReceiver {
  readonly #dependencies: BusLinkDependencies;
  readonly #senders: SenderWatch;
  #sequence = 0;
  #heardOwn = 0;
  /** All that was said before this moment has arrived: whatever this process said then came back. */
  #completeUntil: number | undefined;
  #owes = false;
  #trusted = false;
  #failure: unknown;
  #others = 0;

  constructor(dependencies: BusLinkDependencies) {
    this.#dependencies = dependencies;
    this.#senders = new SenderWatch(dependencies.clock);
  }

  get kind(): BusTransport['kind'] {
    return this.#dependencies.transport.kind;
  }

  /**
   * Found out whenever it is asked: a process that stood still (SIGSTOP, a suspended machine) serves requests before its timers run, and must not believe then what
   * it knew before.
   */
  get trusted(): boolean {
    if (this.#trusted && !this.#isComplete()) this.#distrust();
    return this.#trusted;
  }

  /** Whether it carries messages, with everybody there; it may be distrusted all the same, for a moment. */
  get connected(): boolean {
    return this.#isComplete() && !this.#senders.someoneIsSilent();
  }

  /** What the transport said last of why it is interrupted. */
  get failure(): unknown {
    return this.#failure;
  }

  /** How many others there are; while the link is not whole, as many as there were before. */
  get others(): number {
    return this.#others;
  }

  start(): void {
    this.#dependencies.transport.start(this);
  }

  /** Resolves when the transport has taken it, or is known to be away, or after a quarter of a second. */
  announce(message: BusMessage): Promise<void> {
    return this.#send({ kind: 'changed', message });
  }

  /** Once each second: says that this process is there, and looks who else is. */
  async beat(): Promise<void> {
    if (this.connected) this.#others = this.#senders.present();
    else this.#distrust();
    await this.#send({ kind: 'alive' });
  }

  async close(): Promise<void> {
    // Goodbye says nothing of what is owed, and nothing comes after it.
    if (this.#owes) await this.#send({ kind: 'missed' });
    await this.#send({ kind: 'bye' });
    await this.#dependencies.transport.close();
  }

  receive(bytes: Buffer): void {
    const { key, metrics, replica, epoch } = this.#dependencies;
    const envelope = bytes.length > LARGEST_MESSAGE ? 'unreadable' : opened(key, bytes);
    if (typeof envelope === 'string') {
      metrics.bus({ link: this.kind, event: envelope });
    } else if (envelope.sender === replica && envelope.epoch === epoch) {
      this.#echoed(envelope);
    } else {
      const order = this.#senders.heard(envelope);
      metrics.bus({ link: this.kind, event: order === 'next' ? 'received' : order });
      if (order === 'replayed') return;
      if (order === 'gap') this.#distrust();
      const { says } = envelope;
      if (says.kind === 'changed') this.#dependencies.tell(says.message);
      else if (says.kind === 'missed' || says.kind === 'strange') this.#distrust();
    }
  }

  interrupted(reason: unknown): void {
    this.#failure = reason;
    this.#completeUntil = undefined;
    this.#distrust();
  }

  /** What this process said itself: the way there and back is open. */
  #echoed({ sequence, sentAt }: Pick<Envelope, 'sequence' | 'sentAt'>): void {
    const { clock, metrics } = this.#dependencies;
    if (sequence <= this.#heardOwn) {
      metrics.bus({ link: this.kind, event: 'replayed' });
      return;
    }
    this.#heardOwn = sequence;
    // Not now: more may wait behind what was said before this process stood still.
    this.#completeUntil = sentAt;
    metrics.busDelivery({ link: this.kind, durationMs: clock.monotonic() - sentAt });
    if (this.#trusted || !this.connected) return;
    this.#failure = undefined;
    this.#trusted = true;
    this.#dependencies.tell({ topic: 'missed' });
  }

  #isComplete(): boolean {
    return this.#completeUntil !== undefined && this.#dependencies.clock.monotonic() - this.#completeUntil <= SILENT_AFTER_MS;
  }

  #distrust(): void {
    if (!this.#trusted) return;
    this.#trusted = false;
    this.#dependencies.tell({ topic: 'missed' });
  }

  async #send(says: Envelope['says']): Promise<void> {
    const { key, replica, epoch, clock } = this.#dependencies;
    const owed = this.#owes && says.kind !== 'bye';
    const envelope = { sender: replica, epoch, sequence: (this.#sequence += 1), sentAt: clock.monotonic() };
    let bytes = sealed(key, { ...envelope, says: owed ? { kind: 'missed' } : says });
    // Names may be longer than a message; that something changed fits always.
    if (bytes.length > LARGEST_MESSAGE) bytes = sealed(key, { ...envelope, says: { kind: 'missed' } });
    this.#owes = false;
    const handedOver = this.#handOver(bytes);
    await (this.connected ? Promise.race([handedOver, sleep(SEND_MS, undefined, { ref: false })]) : undefined);
  }

  async #handOver(bytes: Buffer): Promise<void> {
    const { transport, metrics } = this.#dependencies;
    const isTaken = await transport.send(bytes);
    metrics.bus({ link: this.kind, event: isTaken ? 'sent' : 'failed' });
    if (!isTaken) this.#owes = true;
  }
}
