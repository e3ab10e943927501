import type { Log, LogFields } from '../../src/ports/log.ts';

/** Log lines as they were written. */
export class RecordingLog implements Log {
  readonly lines: { readonly level: string; readonly event: string; readonly msg: string; readonly fields: LogFields }[] = [];

  debug(event: string, msg: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'debug', event, msg, fields });
  }

  info(event: string, msg: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'info', event, msg, fields });
  }

  warn(event: string, msg: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'warn', event, msg, fields });
  }

  error(event: string, msg: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'error', event, msg, fields });
  }

  of(event: string): readonly { readonly level: string; readonly msg: string; readonly fields: LogFields }[] {
    return this.lines.filter((line) => line.event === event);
  }
}
