/** Told by a transport. None of them throws. */
export interface BusReceiver {
  /** Bytes that somebody sent, this process included, in the order in which they went through; nobody vouches for them. */
  receive(bytes: Buffer): void;
  /** What was sent from now on may not arrive. Said again while it lasts, or once. */
  interrupted(reason: unknown): void;
}

/** A way from every replica to every replica: hands bytes over, promises nothing. Whether they arrive is found out above it. */
export interface BusTransport {
  /** For logs and metrics. */
  readonly kind: 'redis' | 'postgres';
  /** Begins to receive, now or as soon as it can; never fails. */
  start(receiver: BusReceiver): void;
  /** Whether the other side took them, all that a transport can know. Never rejects; false at once where the way is known to be cut. At most `LARGEST_MESSAGE` bytes. */
  send(bytes: Buffer): Promise<boolean>;
  close(): Promise<void>;
}

/** Bytes of one message: PostgreSQL takes less than 8,000 (https://www.postgresql.org/docs/current/sql-notify.html). */
export const LARGEST_MESSAGE = 7_900;
