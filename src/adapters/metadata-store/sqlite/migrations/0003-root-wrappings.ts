import type { DatabaseSync } from 'node:sqlite';
import type { Migration } from './migration.ts';

/** The root key can be wrapped by several keys, while one takes another's place. Until now there was one, a key file's. */
export const rootWrappings: Migration = {
  version: 3,
  name: 'root wrappings',
  sql: '',
  run(database: DatabaseSync) {
    const stored = database.prepare("SELECT body FROM platform WHERE name = 'root' AND body IS NOT NULL").get();
    if (stored === undefined) return;
    const { wrapped, ...root }: { wrapped: string; createdAt: number } = JSON.parse(String(stored['body']));
    const body = JSON.stringify({ ...root, wrappings: [{ kind: 'key-file', place: '', wrapped, madeAt: root.createdAt }] });
    database.prepare("UPDATE platform SET body = ?, revision = revision + 1 WHERE name = 'root'").run(body);
  },
};
