import { Pool, type PoolClient } from 'pg';
import type { Clock } from '../../../ports/clock.ts';
import { KeyholdError } from '../../../ports/errors.ts';
import { ConnectionRest } from '../connection-rest.ts';
import type { SqlExecutor, SqlRow, SqlValue } from '../sql/executor.ts';
import { withOwnConnection } from './own-connection.ts';
import { endsConnection, sqlStateOf, translate, unavailable } from './postgres-errors.ts';
import { connectionConfig, type PostgresPassword, type PostgresServer, SESSION } from './postgres-server.ts';
import { Turns } from './turns.ts';
import { wipeTables } from './wipe-tables.ts';

/** Statements that keep a name on each connection; the product has fewer, filters of lists included. */
const MAX_NAMED = 256;
/** Callers that may wait for a connection; more are refused, since they would be gone before their turn came. */
const MAX_WAITING = 20_000;

/**
 * PostgreSQL behind a pool of connections. A statement is planned once a connection and then known by its name. A connection that broke is replaced; a read whose
 * connection broke is asked once more, a write never, since it may have happened.
 */
export class PostgresExecutor implements SqlExecutor {
  readonly #server: PostgresServer;
  readonly #password: PostgresPassword;
  readonly #pool: Pool;
  readonly #rest: ConnectionRest;
  readonly #turns: Turns;
  readonly #names = new Map<string, string>();
  readonly #underWay = new Set<Promise<unknown>>();
  #closing = false;

  constructor(server: PostgresServer, password: PostgresPassword, clock: Pick<Clock, 'monotonic'>) {
    this.#server = server;
    this.#password = password;
    this.#rest = new ConnectionRest(clock);
    // The library's own queue ends with an error after the time that a connection may take.
    this.#turns = new Turns(server.connections, MAX_WAITING);
    this.#pool = new Pool({
      ...connectionConfig(server, password),
      verify: (client, done) => client.query(SESSION, done),
    });
    // Whoever has one that breaks is told by its statement, and one that breaks while nobody has it is not missed. Without a listener either would end the process.
    this.#pool.on('error', ignore);
    this.#pool.on('connect', (client) => client.on('error', ignore));
  }

  async read(sql: string, values: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return this.#track(async () => {
      try {
        return await this.#run(sql, values);
      } catch (error) {
        if (!(error instanceof BrokenConnection)) throw error;
        return this.#run(sql, values);
      }
    });
  }

  async write(sql: string, values: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return this.#track(() => this.#run(sql, values));
  }

  async wipe(): Promise<void> {
    await this.#track(() => withOwnConnection(this.#server, this.#password, wipeTables));
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.allSettled(this.#underWay);
    await this.#pool.end();
  }

  async #track<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing) throw new KeyholdError('unavailable', 'Keyhold is shutting down. Send the request again.', { retryAfterSeconds: 1 });
    const running = work().catch((error: unknown) => {
      throw error instanceof BrokenConnection ? translate(error.cause) : translate(error);
    });
    this.#underWay.add(running);
    try {
      return await running;
    } finally {
      this.#underWay.delete(running);
    }
  }

  #run(text: string, values: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return this.#with(async (client) => {
      const name = this.#nameOf(text);
      const { rows } = await client.query<SqlRow>({ text, values: [...values], ...(name === undefined ? {} : { name }) });
      return rows;
    });
  }

  /** Does something over a connection, and gives it back unless it broke. */
  async #with<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    if (this.#turns.isFull) throw new KeyholdError('unavailable', 'The database has too much to do. Send the request again.', { retryAfterSeconds: 1, outage: 'busy' });
    return this.#turns.take(async () => {
      const client = await this.#connect();
      try {
        const result = await work(client);
        this.#rest.answered();
        client.release();
        return result;
      } catch (error) {
        if (isAnswerTimeout(error)) this.#rest.silent();
        else if (sqlStateOf(error) === undefined) this.#rest.undecided();
        else this.#rest.answered();
        const ends = endsConnection(error);
        client.release(ends);
        throw ends ? new BrokenConnection(error) : error;
      }
    });
  }

  async #connect(): Promise<PoolClient> {
    if (!this.#rest.mayTry(this.#pool.idleCount > 0)) throw unavailable(new Error('the server could not be reached, or did not answer, a moment ago'));
    try {
      return await this.#fromPool();
    } catch (error) {
      this.#rest.unreachable();
      throw error;
    }
  }

  /**
   * The library calls a second time where its time for a connection was up while that was being made ready, and believes then that somebody has it: nobody would ever give it back,
   * and one after the other all connections would be gone.
   */
  #fromPool(): Promise<PoolClient> {
    return new Promise((resolve, reject) => {
      let isAnswered = false;
      this.#pool.connect((error, client) => {
        if (isAnswered) client?.release();
        else if (client === undefined) reject(error ?? new Error('the pool gave no connection'));
        else resolve(client);
        isAnswered = true;
      });
    });
  }

  #nameOf(sql: string): string | undefined {
    const known = this.#names.get(sql);
    if (known !== undefined || this.#names.size >= MAX_NAMED) return known;
    const made = `keyhold_${this.#names.size}`;
    this.#names.set(sql, made);
    return made;
  }
}

/** The connection broke with a statement under way. */
class BrokenConnection extends Error {
  constructor(cause: unknown) {
    super('the connection broke', { cause });
    this.name = 'BrokenConnection';
  }
}

/** The library's own words for a statement without an answer. */
function isAnswerTimeout(error: unknown): boolean {
  return sqlStateOf(error) === undefined && error instanceof Error && error.message === 'Query read timeout';
}

function ignore(): void {
  // Said where it matters.
}
