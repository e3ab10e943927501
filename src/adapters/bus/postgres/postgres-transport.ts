import { Client } from 'pg';
import { backoffMs } from '../../../core/outages/backoff.ts';
import type { BusReceiver, BusTransport } from '../../../ports/bus-transport.ts';
import type { RandomBytes } from '../../../ports/clock.ts';
import { connectionConfig, type PostgresPassword, type PostgresServer } from '../../metadata-store/postgres/postgres-server.ts';

const RETRIES = { firstMs: 100, factor: 2, mostMs: 3_000 };

export interface PostgresTransportOptions {
  readonly server: PostgresServer;
  readonly password: PostgresPassword;
  /** Keeps two installations in one database apart. */
  readonly installation: string;
  readonly random: RandomBytes;
}

/** The bus over `LISTEN` and `NOTIFY`, on a connection that does nothing else. Messages are bytes of texts, since that is what goes through. */
export function createPostgresTransport(options: PostgresTransportOptions): BusTransport {
  return new PostgresTransport(options);
}

class PostgresTransport implements BusTransport {
  readonly kind = 'postgres';
  readonly #options: PostgresTransportOptions;
  readonly #channel: string;
  #receiver: BusReceiver | undefined;
  /** Listening. */
  #client: Client | undefined;
  #failures = 0;
  #isClosed = false;

  constructor(options: PostgresTransportOptions) {
    this.#options = options;
    this.#channel = `keyhold_${options.installation}`;
  }

  start(receiver: BusReceiver): void {
    this.#receiver = receiver;
    void this.#connect();
  }

  async send(bytes: Buffer): Promise<boolean> {
    const client = this.#client;
    if (client === undefined) return false;
    try {
      await client.query('SELECT pg_notify($1, $2)', [this.#channel, bytes.toString()]);
      return true;
    } catch (error) {
      this.#lost(client, error);
      return false;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }

  async #connect(): Promise<void> {
    const { server, password } = this.#options;
    const client = new Client({ ...connectionConfig(server, password), application_name: 'keyhold bus' });
    client.on('error', (error) => this.#lost(client, error));
    client.on('end', () => this.#lost(client, new Error('The connection was closed.')));
    client.on('notification', ({ channel, payload = '' }) => {
      if (channel === this.#channel) this.#receiver?.receive(Buffer.from(payload));
    });
    try {
      await client.connect();
      // What was said does not have to outlive a crash of the server, and would wait for its disk.
      await client.query('SET synchronous_commit TO off');
      await client.query(`LISTEN "${this.#channel}"`);
      if (this.#isClosed) {
        await client.end();
        return;
      }
      this.#failures = 0;
      this.#client = client;
    } catch (error) {
      this.#again(client, error);
    }
  }

  #lost(client: Client, error: unknown): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#again(client, error);
  }

  #again(client: Client, error: unknown): void {
    client.end().catch(() => undefined);
    if (this.#isClosed) return;
    this.#receiver?.interrupted(error);
    this.#failures += 1;
    setTimeout(() => {
      if (!this.#isClosed) void this.#connect();
    }, backoffMs(this.#failures, RETRIES, this.#options.random)).unref();
  }
}
