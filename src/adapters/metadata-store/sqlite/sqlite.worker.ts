import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { NewerDatabaseError } from '../newer-database.ts';
import { ForeignDatabaseError } from './migrate.ts';
import { SqliteDatabase } from './sqlite-database.ts';
import { failureOf } from './sqlite-errors.ts';
import type { Order, Report, Statement, WorkerOptions } from './worker-protocol.ts';

const options: WorkerOptions = workerData;

/** Holds the database on a thread of its own, so that no fsync ever stops the event loop that serves requests. */
function serve(): void {
  const port = parentPort;
  if (port === null) throw new Error('sqlite.worker.ts runs as a worker only');
  const report = (message: Report): void => port.postMessage(message);

  let database: SqliteDatabase;
  try {
    database = new SqliteDatabase(options);
  } catch (error) {
    report(refusal(error));
    return;
  }
  report({ kind: 'opened' });

  port.on('message', (first: Order) => {
    const statements: Statement[] = [];
    let order: Order | undefined = first;
    // Everything that arrived during the last commit goes into the next one.
    while (order !== undefined && order !== 'close') {
      statements.push(...order);
      const waiting: { readonly message: Order } | undefined = receiveMessageOnPort(port);
      order = waiting?.message;
    }
    if (statements.length > 0) database.run(statements, (answers) => report({ kind: 'answers', answers }));
    if (order === 'close') {
      database.close();
      port.close();
    }
  });
}

function refusal(error: unknown): Report {
  if (error instanceof NewerDatabaseError) return { kind: 'refused', reason: 'newer', found: error.found, known: error.known };
  if (error instanceof ForeignDatabaseError) return { kind: 'refused', reason: 'foreign' };
  return { kind: 'refused', reason: 'failed', failure: failureOf(error) };
}

serve();
