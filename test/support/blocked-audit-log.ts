import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Takes from a running Keyhold's database the room for audit rows, and that alone. */
export function blockAuditLog(dataDir: string): void {
  inDatabase(dataDir, "CREATE TRIGGER no_audit BEFORE INSERT ON audit_rows BEGIN SELECT RAISE(ABORT, 'the test blocks the audit log'); END");
}

export function unblockAuditLog(dataDir: string): void {
  inDatabase(dataDir, 'DROP TRIGGER no_audit');
}

function inDatabase(dataDir: string, sql: string): void {
  const database = new DatabaseSync(join(dataDir, 'data', 'keyhold.db'));
  try {
    database.exec(`PRAGMA busy_timeout = 5000; ${sql}`);
  } finally {
    database.close();
  }
}
