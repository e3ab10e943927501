import { Client } from 'pg';
import { connectionConfig, type PostgresPassword, type PostgresServer, SESSION } from './postgres-server.ts';

/** Does something over a connection that is nobody else's, for as long as it takes: what it asks for has no limit of time. */
export async function withOwnConnection<T>(server: PostgresServer, password: PostgresPassword, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ ...connectionConfig(server, password), query_timeout: 0 });
  // A connection that breaks is said by the statement that is under way; without a listener it would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(`${SESSION} SET statement_timeout TO 0; SET lock_timeout TO 0;`);
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
