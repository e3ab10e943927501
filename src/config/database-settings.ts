import { InvalidValue } from './invalid-value.ts';
import { path } from './parsers.ts';
import type { Setting } from './settings.ts';

/** A database as its URL names it; `file` is as it was written. */
type DatabaseUrl = { readonly kind: 'sqlite'; readonly file: string };

const database: Setting<DatabaseUrl> = {
  name: 'KEYHOLD_DATABASE_URL',
  secret: true,
  description: ['The database: sqlite:<file>. The file lies in the data folder; a relative path counts from there.'],
  example: 'sqlite:keyhold.db',
  fallback: { kind: 'sqlite', file: 'keyhold.db' },
  fallbackText: 'sqlite:keyhold.db',
  parse: databaseUrl,
};

/** Where everything but the keys' values in vaults is kept (R0.5). */
export const databaseSettings = { database } as const;

/** The database that a URL names. Throws `InvalidValue`, in which nothing of the URL is quoted, since it may hold a password. */
function databaseUrl(text: string): DatabaseUrl {
  if (/^postgres(?:ql)?:/iu.test(text)) throw new InvalidValue('names PostgreSQL, which this version cannot use; it keeps its database in a SQLite file');
  if (!text.startsWith('sqlite:')) throw new InvalidValue('does not begin with sqlite:, the only kind of database that this version can use');
  return { kind: 'sqlite', file: sqliteFile(text.slice('sqlite:'.length)) };
}

function sqliteFile(file: string): string {
  if (file === '') throw new InvalidValue('names no file after sqlite:');
  if (file === ':memory:') throw new InvalidValue('would keep everything in memory, and keys would be gone after a restart; name a file');
  if (file.includes('?') || file.includes('#')) throw new InvalidValue('has options after the file (? or #), which are not supported');
  if (/^\/\/[^/]/u.test(file)) throw new InvalidValue('has two slashes after sqlite:; write sqlite:<file>, or sqlite:/… for an absolute path');
  return path(file);
}
