import { parseCheckpoint } from '../../core/audit/notes/checkpoint.ts';
import type { LogFields } from '../../ports/log.ts';
import { type ErrorFields, errorFields } from './error-fields.ts';
import { redactSentence } from './redact.ts';
import { visibleText } from './visible-text.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** One log line before it is rendered: everything in it is safe to print. */
export interface LogRecord {
  readonly event: string;
  readonly msg: string;
  readonly requestId: string | null;
  readonly fields: Readonly<Record<string, string | number>>;
  readonly error: ErrorFields | undefined;
}

const LONGEST_TEXT = 2_000;
const SHORT_TEXT = 300;
const SHORT_FIELD = 80;

/** The allow-list, complete by construction: a field that is added to the port does not compile until it is listed here. */
const listed: Readonly<Record<Exclude<keyof LogFields, 'requestId' | 'error'>, true>> = {
  tenant: true,
  tenantId: true,
  provider: true,
  service: true,
  label: true,
  credentialId: true,
  version: true,
  actor: true,
  action: true,
  addedBy: true,
  storedIn: true,
  removedBy: true,
  removedFrom: true,
  code: true,
  method: true,
  route: true,
  status: true,
  durationMs: true,
  count: true,
  ageSeconds: true,
  worker: true,
  replica: true,
  name: true,
  key: true,
  file: true,
  address: true,
  checkpoint: true,
};

/** Takes what the allow-list names, and of that only texts and numbers; everything else never reaches a line. */
export function logRecord(event: string, msg: string, fields: LogFields = {}): LogRecord {
  const taken: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (!Object.hasOwn(listed, name)) continue;
    if (typeof value === 'string') taken[name] = name === 'checkpoint' ? signedHead(value) : sentence(value);
    else if (typeof value === 'number' && Number.isFinite(value)) taken[name] = value;
  }
  return {
    event: sentence(event),
    msg: sentence(msg),
    requestId: typeof fields.requestId === 'string' ? sentence(fields.requestId) : null,
    fields: taken,
    error: fields.error === undefined ? undefined : errorFields(fields.error),
  };
}

/** The record, and then with less and less in it, for lines that have a longest: without stacks, without causes, cut to what is needed. */
export function* shorterAndShorter(record: LogRecord): Iterable<LogRecord> {
  yield record;
  const { error } = record;
  if (error !== undefined) {
    yield { ...record, error: withoutStacks(error) };
    const { type, message } = error;
    yield { ...record, error: { type, message: message.slice(0, SHORT_TEXT) } };
  }
  const fields = Object.entries(record.fields).map(([name, value]): [string, string | number] => [name, typeof value === 'string' && name !== 'checkpoint' ? value.slice(0, SHORT_FIELD) : value]);
  yield { ...record, msg: record.msg.slice(0, SHORT_TEXT), fields: Object.fromEntries(fields), error: error === undefined ? undefined : { type: error.type, message: error.message.slice(0, SHORT_FIELD) } };
}

function withoutStacks({ stack: _stack, cause, ...error }: ErrorFields): ErrorFields {
  return cause === undefined ? error : { ...error, cause: withoutStacks(cause) };
}

/** Byte by byte, newlines included, since its signature is over them; its one form has no room for anything else. */
function signedHead(note: string): string {
  return parseCheckpoint(note) === undefined || note.split('\n').some((line) => visibleText(line) !== line) ? sentence(note) : note;
}

function sentence(text: string): string {
  const safe = visibleText(redactSentence(text));
  return safe.length > LONGEST_TEXT ? `${safe.slice(0, LONGEST_TEXT)}…` : safe;
}
