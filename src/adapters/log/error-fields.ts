import { redactForeign } from './redact.ts';
import { visibleText } from './visible-text.ts';

/** An error as it is logged: these four and nothing else of it, since libraries hang requests and responses on their errors. */
export interface ErrorFields {
  readonly type: string;
  readonly code?: string;
  readonly message: string;
  /** Frames only, a line each. */
  readonly stack?: string;
  readonly cause?: ErrorFields;
}

const LONGEST_READ = 20_000;
const LONGEST_WORD = 2_000;
const LONGEST_MESSAGE = 2_000;
const LONGEST_NAME = 100;
const LONGEST_FRAME = 300;
const MOST_FRAMES = 30;
const DEEPEST_CAUSE = 5;

/** Never throws, whatever was thrown. */
export function errorFields(error: unknown, depth = 0): ErrorFields {
  try {
    if (!(error instanceof Error)) return { type: typeof error, message: typeof error === 'string' ? foreignText(error, LONGEST_MESSAGE) : '' };
    const code = 'code' in error && (typeof error.code === 'string' || typeof error.code === 'number') ? foreignText(String(error.code), LONGEST_NAME) : undefined;
    const stack = frames(error.stack);
    const cause = depth < DEEPEST_CAUSE ? causeOf(error) : undefined;
    return {
      type: foreignText(error.name, LONGEST_NAME),
      ...(code === undefined ? {} : { code }),
      message: foreignText(error.message, LONGEST_MESSAGE),
      ...(stack === '' ? {} : { stack }),
      ...(cause === undefined ? {} : { cause: errorFields(cause, depth + 1) }),
    };
  } catch {
    return { type: 'unreadable', message: 'An error was thrown that cannot be read.' };
  }
}

/** A failed connection to several addresses has an error each and no cause: the first stands for them. */
function causeOf(error: Error): unknown {
  if (error.cause !== undefined) return error.cause;
  return error instanceof AggregateError ? error.errors[0] : undefined;
}

function frames(stack: string | undefined): string {
  return (stack ?? '')
    .slice(0, LONGEST_READ)
    .split('\n')
    .filter((line) => /^\s+at /u.test(line))
    .slice(0, MOST_FRAMES)
    .map((line) => foreignText(line.trim(), LONGEST_FRAME))
    .join('\n');
}

/** Redacted before it is cut, so that no half of a key remains that nothing recognises; the cut before that falls between words. */
function foreignText(text: string, longest: number): string {
  const read = text.length > LONGEST_READ ? text.slice(0, LONGEST_READ - LONGEST_WORD) + text.slice(LONGEST_READ - LONGEST_WORD, LONGEST_READ).replace(/\S+$/u, '') : text;
  const safe = visibleText(redactForeign(read));
  return safe.length > longest ? `${safe.slice(0, longest)}…` : safe;
}
