import { readFileSync } from 'node:fs';
import { url as inspectorAddress } from 'node:inspector';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { StartError } from '../ports/start-error.ts';

/** Everything outside that configuration depends on, read once. */
export interface Environment {
  readonly workingDirectory: string;
  /** The real environment; it wins over `dotenv`. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** What `./.env` says; nothing of it is put into the real environment. */
  readonly dotenv: Readonly<Record<string, string | undefined>>;
  readonly execArgv: readonly string[];
  /** Where a debugger can attach now; undefined when none can. */
  readonly inspectorUrl: string | undefined;
}

/** Reads the real environment and `./.env`. Throws `StartError` (2) when there is a `.env` that cannot be read. */
export function readEnvironment(): Environment {
  const workingDirectory = process.cwd();
  return Object.freeze({
    workingDirectory,
    variables: Object.freeze({ ...process.env }),
    dotenv: readDotenv(join(workingDirectory, '.env')),
    execArgv: [...process.execArgv],
    inspectorUrl: inspectorAddress(),
  });
}

/** The variables of a `.env` file; none when there is no such file. Throws `StartError` (2) when it cannot be read. */
export function readDotenv(file: string): Readonly<Record<string, string | undefined>> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    if (code === 'ENOENT') return {};
    throw new StartError(2, `${file} is there but cannot be read (${code}). Make it a file that this user can read, or remove it.`);
  }
  const withoutByteOrderMark = text.startsWith('\uFEFF') ? text.slice(1) : text;
  return Object.freeze({ ...parseEnv(withoutByteOrderMark) });
}
