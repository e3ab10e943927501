import { cosmosSettings } from './cosmos-settings.ts';
import { InvalidValue } from './invalid-value.ts';
import { path, trueOrFalse } from './parsers.ts';
import { type PostgresUrl, postgresUrl } from './postgres-url.ts';
import type { Setting } from './settings.ts';

/** A database as its URL names it; files are as they were written. */
export type DatabaseUrl = { readonly kind: 'sqlite'; readonly file: string } | PostgresUrl;

const database: Setting<DatabaseUrl> = {
  name: 'KEYHOLD_DATABASE_URL',
  secret: true,
  description: [
    'The database: sqlite:<file>, a file in the data folder (a relative path counts from there), or PostgreSQL:',
    'postgres://user:password@host:5432/database. Characters such as @ : / ? # % in the password are written as %40 and so on; without a password it is',
    'DATABASE_PASSWORD. sslmode=verify-full is what holds outside this machine, and sslrootcert=<file> names the authority. docs/databases.md has the rest.',
  ],
  example: 'sqlite:keyhold.db',
  fallback: { kind: 'sqlite', file: 'keyhold.db' },
  fallbackText: 'sqlite:keyhold.db',
  parse: databaseUrl,
};

const allowPlainDatabase: Setting<boolean> = {
  name: 'KEYHOLD_ALLOW_PLAIN_DATABASE',
  secret: false,
  description: ['true lets production reach PostgreSQL on another machine without TLS (sslmode=disable), where the network protects it otherwise.'],
  example: 'true',
  fallback: false,
  fallbackText: 'false',
  parse: trueOrFalse,
};

/** Where everything but the keys' values in vaults is kept (R0.5). */
export const databaseSettings = { database, allowPlainDatabase, ...cosmosSettings } as const;

/** The database that a URL names. Throws `InvalidValue`, in which nothing of the URL is quoted, since it may hold a password. */
export function databaseUrl(text: string): DatabaseUrl {
  if (/^postgres(?:ql)?:/iu.test(text)) return postgresUrl(text);
  if (!text.startsWith('sqlite:')) throw new InvalidValue('begins neither with sqlite: nor with postgres://, the databases that a URL can name (Cosmos DB has variables of its own)');
  return { kind: 'sqlite', file: sqliteFile(text.slice('sqlite:'.length)) };
}

function sqliteFile(file: string): string {
  if (file === '') throw new InvalidValue('names no file after sqlite:');
  if (file === ':memory:') throw new InvalidValue('would keep everything in memory, and keys would be gone after a restart; name a file');
  if (file.includes('?') || file.includes('#')) throw new InvalidValue('has options after the file (? or #), which are not supported');
  if (/^\/\/[^/]/u.test(file)) throw new InvalidValue('has two slashes after sqlite:; write sqlite:<file>, or sqlite:/… for an absolute path');
  return path(file);
}
