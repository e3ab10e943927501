import { readFile, stat } from 'node:fs/promises';
import { StartError } from '../../ports/start-error.ts';
import { lineOfRepeatedName } from './repeated-names.ts';

const LARGEST = 256 * 2 ** 20;

/**
 * The documents of a JSON file: a list, an object with a list under `documents`, `items` or `value`, or one document a line. Throws `StartError` (2) that
 * says which of them it is not, and where an object has a name twice; nothing that stands in the file is ever quoted, since it may be a key.
 */
export async function documentsInFile(file: string): Promise<readonly unknown[]> {
  const text = await textOf(file);
  const documents = documentsIn(file, text);
  const line = lineOfRepeatedName(text);
  if (line !== undefined) throw new StartError(2, `${file} has an object with one name twice, in line ${line}. Which of the two counts is not for Keyhold to choose: leave the right one.`);
  return documents;
}

function documentsIn(file: string, text: string): readonly unknown[] {
  const whole = parsed(text);
  if (Array.isArray(whole)) return whole;
  const { documents, items, value } = properties(whole);
  for (const list of [documents, items, value]) if (Array.isArray(list)) return list;
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const each = lines.map(parsed);
  const wrong = each.findIndex((document) => typeof document !== 'object' || document === null);
  if (lines.length > 0 && wrong === -1) return each;
  throw new StartError(2, `${file} holds no documents: it has to be a JSON list of them, an object with such a list under documents, items or value, or one document a line${wrong > 0 ? ` (line ${wrong + 1} is none)` : ''}.`);
}

async function textOf(file: string): Promise<string> {
  try {
    if ((await stat(file)).size > LARGEST) throw new StartError(2, `${file} is larger than 256 MiB. Split it.`);
    return (await readFile(file, 'utf8')).replace(/^\uFEFF/u, '');
  } catch (cause) {
    if (cause instanceof StartError) throw cause;
    throw new StartError(2, `${file} cannot be read. Name a file that is there and that this user may read.`, { cause });
  }
}

function properties(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

/** undefined for what is not JSON; the parser's own message would quote it. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
