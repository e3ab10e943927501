import { isAbsolute, relative, resolve, sep } from 'node:path';
import { InvalidValue, quoted } from './invalid-value.ts';
import type { Reader } from './reader.ts';
import { settings } from './settings.ts';

/** The embedded database; `file` is absolute and lies in the data folder. */
interface SqliteConfig {
  readonly kind: 'sqlite';
  readonly file: string;
}

/** The database that is configured; `compose-database.ts` opens each kind. */
export type DatabaseConfig = SqliteConfig;

/** The database (R0.5). What is wrong with it the reader knows afterwards; then nothing is opened. */
export function readDatabase(reader: Reader, dataDir: string): DatabaseConfig {
  const { database } = settings;
  const inFolder = (file: string): SqliteConfig => Object.freeze({ kind: 'sqlite', file: databaseFile(dataDir, file) });
  const { file } = reader.read<SqliteConfig>({ ...database, parse: (text) => inFolder(database.parse(text).file), fallback: inFolder(database.fallback.file) });
  reader.show(database, `sqlite:${file}`);
  return Object.freeze({ kind: 'sqlite', file });
}

/** What Keyhold keeps in the data folder beside the database, under names of its own: it would be written over, or removed. */
const KEPT_NAMES = /^(?:(?:lock|replica-\d+)\.db.*|owner(?:\.new)?|admin-token|audit-(?:head|emergency|witnessed)(?:\.\d+)?|journal(?:\.\d+)?|keyhold\.key(?:\.\w+)*)$/u;

/** The data folder's lock keeps a second process out, so the database has to be in it, apart from the other things that are there. */
function databaseFile(dataDir: string, file: string): string {
  const absolute = resolve(dataDir, file);
  if (!isInside(dataDir, absolute)) throw new InvalidValue('names a file outside the data folder, whose lock could not protect it; set KEYHOLD_DATA_DIR to where it is');
  const [first = ''] = relative(dataDir, absolute).split(sep);
  if (KEPT_NAMES.test(first)) throw new InvalidValue(`names ${quoted(first)}, which Keyhold keeps for something else in the data folder; choose another name`);
  return absolute;
}

/** Whether a file lies below a folder; both absolute. */
export function isInside(folder: string, file: string): boolean {
  const path = relative(folder, file);
  return path !== '' && path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path);
}
