import type { Readable } from 'node:stream';
import { SecretValue } from '../ports/secret-value.ts';
import { StartError } from '../ports/start-error.ts';
import type { Terminal } from './terminal.ts';

/** Where a person types, or another program writes. */
export interface SecretInput extends Readable {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
}

const MOST_CHARACTERS = 16_384;
const CONTROL_C = '\u0003';
const CONTROL_D = '\u0004';
const CONTROL_U = '\u0015';
const BACKSPACES = new Set(['\u0008', '\u007f']);
const ENDS = new Set(['\r', '\n', CONTROL_D]);

/** One line, of which a terminal shows nothing; from a pipe its first line. Throws `StartError` (1) when nothing comes, or the person gives up. */
export async function askSecret(question: string, input: SecretInput, terminal: Pick<Terminal, 'error'>): Promise<SecretValue> {
  const isTerminal = input.isTTY === true && input.setRawMode !== undefined;
  if (isTerminal) {
    terminal.error(question);
    input.setRawMode?.(true);
  }
  try {
    const text = (await lineFrom(input)).trim();
    if (text === '') throw new StartError(1, 'Nothing was given. Type or paste it at the question, or pipe a file that holds it into this command.');
    return new SecretValue(text);
  } finally {
    if (isTerminal) {
      input.setRawMode?.(false);
      terminal.error('\n');
    }
    input.pause();
  }
}

function lineFrom(input: SecretInput): Promise<string> {
  input.setEncoding('utf8');
  return new Promise((resolve, reject) => {
    let line = '';
    const settle = (finish: () => void): void => {
      input.off('data', read).off('end', end).off('error', fail);
      finish();
    };
    const end = (): void => settle(() => resolve(line));
    const fail = (cause: unknown): void => settle(() => reject(new StartError(1, 'The terminal cannot be read. Pipe a file that holds the token into this command.', { cause })));
    const read = (text: string): void => {
      for (const character of text) {
        if (ENDS.has(character)) return end();
        if (character === CONTROL_C) return settle(() => reject(new StartError(1, 'Given up. Nothing was changed.')));
        if (BACKSPACES.has(character)) line = line.slice(0, -1);
        else if (character === CONTROL_U) line = '';
        else line += character;
        if (line.length > MOST_CHARACTERS) return settle(() => reject(new StartError(1, 'What was given is too long to be a token.')));
      }
    };
    input.on('data', read).on('end', end).on('error', fail);
  });
}
