import { pino } from 'pino';
import type { Log, LogFields } from '../../ports/log.ts';
import { type LogLevel, type LogRecord, logRecord, shorterAndShorter } from './log-record.ts';
import { prettyLine } from './pretty.ts';
import type { LogDestination } from './standard-output.ts';

export interface LogOptions {
  /** The least important level that is written; signed heads of the audit log are written whatever it is. */
  readonly level: LogLevel;
  readonly destination: Pick<LogDestination, 'write'> & Partial<Pick<LogDestination, 'colours'>>;
  /** For people instead of one JSON object a line. */
  readonly pretty: boolean;
  /** The number of the worker process whose log this is. */
  readonly worker?: number;
  /** Bytes of the longest line of JSON; without one, as long as they come. */
  readonly longest?: number;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

const rank: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** The log: one line an event with `time`, `level`, `event`, `msg`, `requestId` and listed fields only (R3.9, S35). It never throws. */
export function createLog({ level: least, destination, pretty, worker, longest, now = Date.now }: LogOptions): Log {
  const render = pretty ? prettyRenderer(destination, now) : jsonRenderer(destination, now, longest);
  const write = (level: LogLevel, event: string, msg: string, fields: LogFields | undefined): void => {
    // A head of the audit log that does not leave protects nothing (S30).
    if (rank[level] >= rank[least] || fields?.checkpoint !== undefined) render(level, logRecord(event, msg, worker === undefined ? fields : { worker, ...fields }));
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

function jsonRenderer(destination: LogOptions['destination'], now: () => number, longest = Number.POSITIVE_INFINITY): Renderer {
  let line = '';
  const logger = pino(
    { level: 'trace', base: null, timestamp: () => `,"time":"${new Date(now()).toISOString()}"`, formatters: { level: (label) => ({ level: label }) } },
    { write: (made) => void (line = made) },
  );
  return (level, record) => {
    for (const { event, msg, requestId, fields, error } of shorterAndShorter(record)) {
      logger[level]({ event, msg, requestId, ...fields, ...(error === undefined ? {} : { error }) });
      if (Buffer.byteLength(line) <= longest) break;
    }
    destination.write(line);
  };
}

function prettyRenderer(destination: LogOptions['destination'], now: () => number): Renderer {
  return (level, record) => destination.write(prettyLine(new Date(now()), level, record, destination.colours ?? false));
}
