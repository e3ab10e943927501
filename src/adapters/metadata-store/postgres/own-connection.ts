import { Client } from 'pg';
import { connectionConfig, type PostgresPassword, type PostgresServer, SESSION } from './postgres-server.ts';

/** How long a transaction may stand still between two statements: whoever has it is stopped, or its machine is gone, and others wait for its locks. */
const STANDSTILL_MS = 5_000;

/** Does something over a connection that is nobody else's, for as long as it takes: what it asks for has no limit of time, but the server ends a transaction that asks for nothing. */
export async function withOwnConnection<T>(server: PostgresServer, password: PostgresPassword, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ ...connectionConfig(server, password), query_timeout: 0 });
  // A connection that breaks is said by the statement that is under way; without a listener it would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(`${SESSION} SET statement_timeout TO 0; SET lock_timeout TO 0; SET idle_in_transaction_session_timeout TO ${STANDSTILL_MS};`);
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
