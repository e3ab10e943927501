import { errorFields, type ErrorFields } from '../adapters/log/error-fields.ts';
import { visibleLines } from '../adapters/log/visible-text.ts';
import { isDiskFull, StartError } from '../ports/start-error.ts';
import { listenError } from './listen-error.ts';

export interface Failure {
  /** For standard error: what is wrong and what to do, without a stack unless `debug`. */
  readonly text: string;
  readonly exitCode: number;
}

/** What a command that threw says, and its exit status (R0.1). */
export function failureOf(error: unknown, debug: boolean): Failure {
  const known = asStartError(error);
  if (known !== undefined) {
    const text = `keyhold: ${visibleLines(known.message)}\n`;
    return { text: debug && known.cause !== undefined ? text + details(errorFields(known.cause)) : text, exitCode: known.exitCode };
  }
  const fields = errorFields(error);
  const advice = debug ? details(fields) : 'KEYHOLD_LOG_LEVEL=debug shows where it happened.\n';
  return { text: `keyhold: Something went wrong that Keyhold did not expect: ${fields.message === '' ? fields.type : fields.message}\n${advice}`, exitCode: 1 };
}

function asStartError(error: unknown): StartError | undefined {
  if (error instanceof StartError) return error;
  const listening = listenError(error, undefined);
  if (listening !== undefined) return listening;
  if (isDiskFull(error)) return new StartError(8, 'The disk is full, or a quota on it is used up. Free some space and start again.', { cause: error });
  return undefined;
}

function details(error: ErrorFields): string {
  const { type, code, message, stack, cause } = error;
  const own = [`  ${type}${code === undefined ? '' : ` (${code})`}: ${message}`, ...(stack ?? '').split('\n').map((frame) => `    ${frame}`)].join('\n');
  return `${own}\n${cause === undefined ? '' : details(cause)}`;
}
