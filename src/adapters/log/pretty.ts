import { styleText } from 'node:util';
import type { ErrorFields } from './error-fields.ts';
import type { LogLevel, LogRecord } from './log-record.ts';
import { visibleText } from './visible-text.ts';

const colour = { debug: 'gray', info: 'green', warn: 'yellow', error: 'red' } as const;

/** One event for a person at a terminal, with a newline at its end: time of day, level, message, then what else is known. */
export function prettyLine(time: Date, level: LogLevel, record: LogRecord, colours: boolean): string {
  const paint = (style: 'gray' | 'green' | 'yellow' | 'red', text: string): string => (colours ? styleText(style, text, { validateStream: false }) : text);
  const details = Object.entries({ event: record.event, ...(record.requestId === null ? {} : { requestId: record.requestId }), ...record.fields })
    .map((field) => visibleText(field.join('=')))
    .join(' ');
  const head = `${paint('gray', timeOfDay(time))} ${paint(colour[level], level.toUpperCase().padEnd(5))} ${record.msg} ${paint('gray', details)}`;
  return [head, ...(record.error === undefined ? [] : errorLines(record.error, 'error')), ''].join('\n');
}

function timeOfDay(time: Date): string {
  const two = (part: number, width = 2): string => String(part).padStart(width, '0');
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${two(time.getMilliseconds(), 3)}`;
}

function errorLines(error: ErrorFields, title: string): readonly string[] {
  const code = error.code === undefined ? '' : ` (${error.code})`;
  const stack = error.stack === undefined ? [] : error.stack.split('\n').map((frame) => `      ${frame}`);
  return [`    ${title}: ${error.type}${code}: ${error.message}`, ...stack, ...(error.cause === undefined ? [] : errorLines(error.cause, 'caused by'))];
}
