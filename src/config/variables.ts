import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Environment } from './environment.ts';
import { InvalidValue, quoted } from './invalid-value.ts';
import type { Setting } from './settings.ts';

/** A value as it was found, and where. */
export interface Found {
  readonly text: string;
  readonly origin: string;
  /** Absolute; where the text came from a file. */
  readonly file?: string;
}

/**
 * The value of one variable. The real environment wins over `.env`, also with an empty value; an empty value counts as left out.
 */
export function findVariable(environment: Environment, name: string): Found | undefined {
  const real = environment.variables[name];
  const text = real ?? environment.dotenv[name];
  if (text === undefined || text === '') return undefined;
  return { text, origin: real === undefined ? '.env' : 'environment' };
}

/** Every variable's name that has a value, sorted. */
export function variableNames(environment: Environment): readonly string[] {
  const names = new Set([...Object.keys(environment.dotenv), ...Object.keys(environment.variables)]);
  return [...names].filter((name) => findVariable(environment, name) !== undefined).sort();
}

/** The value of a setting: for a secret also by its `_FILE` form. Throws `InvalidValue` when both are set or the file cannot be read. */
export function findSetting(environment: Environment, setting: Setting<unknown>): Found | undefined {
  const direct = findVariable(environment, setting.name);
  if (!hasFileForm(setting)) return direct === undefined ? undefined : { text: direct.text.trim(), origin: direct.origin };
  const fileName = `${setting.name}_FILE`;
  const file = findVariable(environment, fileName);
  if (file === undefined) return direct;
  if (direct !== undefined && direct.origin === file.origin) throw new InvalidValue(`and ${fileName} are both set (${file.origin}); keep one of them`);
  if (direct?.origin === 'environment') return direct;
  const path = resolve(environment.workingDirectory, file.text.trim());
  return { text: readSecretFile(fileName, path), origin: `file ${file.text.trim()} (${fileName}, ${file.origin})`, file: path };
}

/** Whether `NAME_FILE` gives the value too (R0.1). */
export function hasFileForm({ secret, fileForm = true }: Pick<Setting<unknown>, 'secret' | 'fileForm'>): boolean {
  return secret && fileForm;
}

const LARGEST_SECRET_FILE = 65_536;

/** A file's text without the newline at its end that editors and `echo` put there; one newline only. */
export function readSecretFile(name: string, file: string): string {
  const trimmed = readTextFile(file, LARGEST_SECRET_FILE, `comes from ${name}`).replace(/\r?\n$/u, '');
  if (trimmed === '') throw new InvalidValue(`comes from ${name}, but ${quoted(file)} is empty; write the secret into it`);
  return trimmed;
}

/** A file's text. Throws `InvalidValue` that begins with `what`, the words after the variable's name, and says why it cannot be read. */
export function readTextFile(file: string, largest: number, what: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new InvalidValue(`${what}, but ${whyNot(error, quoted(file))}`);
  }
  if (text.length > largest) throw new InvalidValue(`${what}, but ${quoted(file)} is larger than it can be; name the right file`);
  return text;
}

function whyNot(error: unknown, file: string): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  switch (code) {
    case 'ENOENT': return `there is no file ${file}; make it, or correct the path`;
    case 'EACCES':
    case 'EPERM': return `this user may not read ${file}; change its owner or mode`;
    case 'EISDIR': return `${file} is a folder; name the file in it`;
    default: return `${file} cannot be read (${code})`;
  }
}
