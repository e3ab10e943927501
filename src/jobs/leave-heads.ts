import type { AuditHeads } from '../core/audit/audit-heads.ts';
import type { Log } from '../ports/log.ts';

const KEEP_EVERY_MS = 60_000;
const LEAVE_EVERY_MS = 3_600_000;

export interface LeaveHeadsDependencies {
  readonly heads: Pick<AuditHeads, 'current'>;
  readonly log: Log;
  readonly keepEveryMs?: number;
  readonly leaveEveryMs?: number;
}

/**
 * Lets the log's heads leave this machine as the log event `audit_checkpoint`: at the start, hourly and at the stop (S30). What is placed
 * before a head that lies elsewhere cannot be changed unnoticed by whoever holds this machine. Between that, a head is kept here each minute, so that an
 * older database is noticed at the next start.
 */
export class LeaveHeads {
  readonly #heads: Pick<AuditHeads, 'current'>;
  readonly #log: Log;
  readonly #keepEveryMs: number;
  readonly #leaveEveryMs: number;
  readonly #timers: NodeJS.Timeout[] = [];
  #running: Promise<void> = Promise.resolve();

  constructor({ heads, log, keepEveryMs = KEEP_EVERY_MS, leaveEveryMs = LEAVE_EVERY_MS }: LeaveHeadsDependencies) {
    this.#heads = heads;
    this.#log = log;
    this.#keepEveryMs = keepEveryMs;
    this.#leaveEveryMs = leaveEveryMs;
  }

  /** Resolves when the first head has left. */
  async start(): Promise<void> {
    this.#timers.push(setInterval(() => this.#then(() => this.#keep()), this.#keepEveryMs).unref(), setInterval(() => this.#then(() => this.#leave('hour')), this.#leaveEveryMs).unref());
    this.#then(() => this.#leave('start'));
    await this.#running;
  }

  /** Resolves when the last head has left: after the last row. */
  async stop(): Promise<void> {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    this.#then(() => this.#leave('stop'));
    await this.#running;
  }

  #then(work: () => Promise<void>): void {
    this.#running = this.#running.then(work);
  }

  async #leave(occasion: 'start' | 'hour' | 'stop'): Promise<void> {
    try {
      const { size, note } = await this.#heads.current();
      this.#log.info('audit_checkpoint', 'The audit log\'s signed head; keep it where nobody of this machine can change it', { name: occasion, count: size, checkpoint: note });
    } catch (error) {
      this.#log.error('audit_checkpoint_failed', 'The audit log\'s head could not be signed or kept', { name: occasion, error });
    }
  }

  async #keep(): Promise<void> {
    try {
      await this.#heads.current();
    } catch (error) {
      this.#log.warn('audit_head_not_kept', 'The audit log\'s head could not be kept; it is tried again in a minute', { error });
    }
  }
}
