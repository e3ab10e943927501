import type { Config } from '../config/config.ts';

/** Which database that is, without a secret: enough to see that a file is another one. */
export function databasePlace(database: Config['database']): string {
  switch (database.kind) {
    case 'sqlite':
      return `sqlite:${database.file}`;
    default:
      return database.kind;
  }
}
