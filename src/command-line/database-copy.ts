import { createLog } from '../adapters/log/pino-log.ts';
import { visibleText } from '../adapters/log/visible-text.ts';
import type { Config } from '../config/config.ts';
import { type DatabaseConfig, namedDatabase, shownDatabase } from '../config/database-config.ts';
import { readEnvironment } from '../config/environment.ts';
import { InvalidValue } from '../config/invalid-value.ts';
import { readSecretFile } from '../config/variables.ts';
import { copyDatabases } from '../copy-databases.ts';
import type { CopiedPart, CopiedRows } from '../core/database-copy/copy-database.ts';
import { StartError } from '../ports/start-error.ts';
import { loadProcessConfig } from './load.ts';
import type { Terminal } from './terminal.ts';

export interface DatabaseCopyOptions {
  readonly from?: string;
  readonly fromFile?: string;
  readonly to?: string;
  readonly toFile?: string;
}

const TELL_EVERY_ROWS = 50_000;

/** Copies a database, shows how far it is, and says what comes next. Throws `StartError`. */
export async function runDatabaseCopy(options: DatabaseCopyOptions, terminal: Terminal): Promise<void> {
  const { config } = loadProcessConfig();
  const from = named(config, 'from', options.from, options.fromFile) ?? config.database;
  const to = named(config, 'to', options.to, options.toFile);
  if (to === undefined) throw new StartError(2, 'Say where to copy to: --to <url>, or --to-file <file> with the URL in it.');
  const log = createLog({ level: 'warn', destination: { write: (line) => terminal.error(line) }, pretty: true });
  terminal.error(visibleText(`Copying ${shownDatabase(from)} to ${shownDatabase(to)}`) + '\n');
  const copied = await copyDatabases(config, { from, to }, log, progressOn(terminal));
  terminal.out(reportText(from, to, copied));
}

/** The database that an option names; undefined without one. Throws `StartError` (2), in which no password is. */
function named(config: Config, option: 'from' | 'to', url: string | undefined, file: string | undefined): DatabaseConfig | undefined {
  if (url !== undefined && file !== undefined) throw new StartError(2, `--${option} and --${option}-file say the same. Keep one of them.`);
  try {
    const text = url ?? (file === undefined ? undefined : readSecretFile(`--${option}-file`, file));
    return text === undefined ? undefined : namedDatabase(config, readEnvironment().workingDirectory, text.trim());
  } catch (error) {
    throw error instanceof InvalidValue ? new StartError(2, `--${option} ${error.message}.`) : error;
  }
}

/** A line for each part, and one now and then where it takes long. */
function progressOn(terminal: Terminal): (doing: 'copied' | 'compared', part: CopiedPart, rows: number) => void {
  let told = '';
  return (doing, part, rows) => {
    const step = `${doing} ${part} ${Math.floor(rows / TELL_EVERY_ROWS)}`;
    if (step === told) return;
    told = step;
    terminal.error(`${doing} ${part}${rows >= TELL_EVERY_ROWS ? `: ${rows} rows` : ''}\n`);
  };
}

function reportText(from: DatabaseConfig, to: DatabaseConfig, copied: readonly CopiedRows[]): string {
  const rows = copied.map(({ part, rows: count, digest }) => `  ${part.padEnd(16)} ${String(count).padStart(9)}${digest === null ? '' : `  ${digest.slice(0, 16)}`}`);
  return visibleText(
    [
      'Everything is in both databases, and was compared: how many rows, and what they are recognised by.',
      ...rows,
      '',
      'Next:',
      `  1. ${whatToSet(to)}`,
      '  2. Start Keyhold, on the same data folder and with the same key. Its audit log and its heads go on.',
      `  3. Keep ${shownDatabase(from)} until you are sure, and then remove it: what it holds is as secret as before.`,
      '',
    ].join('\n'),
  );
}

function whatToSet(to: DatabaseConfig): string {
  if (to.kind === 'cosmos') return 'Remove KEYHOLD_DATABASE_URL, and keep COSMOS_DB_ENDPOINT and COSMOS_DB_DATABASE as they are now, for every replica.';
  const withAll = to.kind === 'postgres' ? ' for every replica, with the password in it or in DATABASE_PASSWORD, and with sslrootcert and the like as you gave them' : '';
  return `Set KEYHOLD_DATABASE_URL=${shownDatabase(to)}${withAll}; remove COSMOS_DB_ENDPOINT, if it is set.`;
}
