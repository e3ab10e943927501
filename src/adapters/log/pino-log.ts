import { pino } from 'pino';
import type { Log, LogFields } from '../../ports/log.ts';
import { type LogLevel, type LogRecord, logRecord } from './log-record.ts';
import { prettyLine } from './pretty.ts';
import type { LogDestination } from './standard-output.ts';

export interface LogOptions {
  /** The least important level that is written; signed heads of the audit log are written whatever it is. */
  readonly level: LogLevel;
  readonly destination: Pick<LogDestination, 'write'> & Partial<Pick<LogDestination, 'colours'>>;
  /** For people instead of one JSON object a line. */
  readonly pretty: boolean;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

const rank: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** The log: one line an event with `time`, `level`, `event`, `msg`, `requestId` and listed fields only (R3.9, S35). It never throws. */
export function createLog({ level: least, destination, pretty, now = Date.now }: LogOptions): Log {
  const render = pretty ? prettyRenderer(destination, now) : jsonRenderer(destination, now);
  const write = (level: LogLevel, event: string, msg: string, fields: LogFields | undefined): void => {
    // A head of the audit log that does not leave protects nothing (S30).
    if (rank[level] >= rank[least] || fields?.checkpoint !== undefined) render(level, logRecord(event, msg, fields));
  };
  return {
    debugs: rank.debug >= rank[least],
    debug: (event, msg, fields) => write('debug', event, msg, fields),
    info: (event, msg, fields) => write('info', event, msg, fields),
    warn: (event, msg, fields) => write('warn', event, msg, fields),
    error: (event, msg, fields) => write('error', event, msg, fields),
  };
}

type Renderer = (level: LogLevel, record: LogRecord) => void;

function jsonRenderer(destination: LogOptions['destination'], now: () => number): Renderer {
  const logger = pino(
    { level: 'trace', base: null, timestamp: () => `,"time":"${new Date(now()).toISOString()}"`, formatters: { level: (label) => ({ level: label }) } },
    { write: (line) => destination.write(line) },
  );
  return (level, { event, msg, requestId, fields, error }) => {
    logger[level]({ event, msg, requestId, ...fields, ...(error === undefined ? {} : { error }) });
  };
}

function prettyRenderer(destination: LogOptions['destination'], now: () => number): Renderer {
  return (level, record) => destination.write(prettyLine(new Date(now()), level, record, destination.colours ?? false));
}
