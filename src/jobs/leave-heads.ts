import type { AuditHeads } from '../core/audit/audit-heads.ts';
import type { WitnessedHeads } from '../core/audit/witnessed-heads.ts';
import type { Log } from '../ports/log.ts';

const KEEP_EVERY_MS = 60_000;
const LEAVE_EVERY_MS = 3_600_000;
/** How long the last head may wait for its witness. */
const LAST_MS = 5_000;

export interface LeaveHeadsDependencies {
  readonly heads: Pick<AuditHeads, 'current'>;
  /** Gets each head that leaves; undefined where there is none. */
  readonly witness?: Pick<WitnessedHeads, 'offer' | 'failure'> | undefined;
  readonly log: Log;
  readonly keepEveryMs?: number;
  readonly leaveEveryMs?: number;
}

/**
 * Lets the log's heads leave this machine as the log event `audit_checkpoint`: at the start, hourly and at the stop (S30). What is placed
 * before a head that lies elsewhere cannot be changed unnoticed by whoever holds this machine. The same heads go to the witness, for which nothing waits. Between
 * that, a head is kept here each minute, so that an older database is noticed at the next start; one that the witness did not sign is offered again.
 */
export class LeaveHeads {
  readonly #heads: Pick<AuditHeads, 'current'>;
  readonly #witness: LeaveHeadsDependencies['witness'];
  readonly #log: Log;
  readonly #keepEveryMs: number;
  readonly #leaveEveryMs: number;
  readonly #timers: NodeJS.Timeout[] = [];
  #running: Promise<void> = Promise.resolve();

  constructor({ heads, witness, log, keepEveryMs = KEEP_EVERY_MS, leaveEveryMs = LEAVE_EVERY_MS }: LeaveHeadsDependencies) {
    this.#heads = heads;
    this.#witness = witness;
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
      const head = await this.#heads.current();
      const { size, note } = head;
      this.#log.info('audit_checkpoint', 'The audit log\'s signed head; keep it where nobody of this machine can change it', { name: occasion, count: size, checkpoint: note });
      const offered = this.#witness?.offer(head);
      if (occasion === 'stop') await inTime(offered);
    } catch (error) {
      this.#log.error('audit_checkpoint_failed', 'The audit log\'s head could not be signed or kept', { name: occasion, error });
    }
  }

  async #keep(): Promise<void> {
    try {
      const head = await this.#heads.current();
      if (this.#witness !== undefined && this.#witness.failure !== null) void this.#witness.offer(head);
    } catch (error) {
      this.#log.warn('audit_head_not_kept', 'The audit log\'s head could not be kept; it is tried again in a minute', { error });
    }
  }
}

async function inTime(offered: Promise<void> | undefined): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, LAST_MS);
  });
  await Promise.race([offered, late]);
  clearTimeout(timer);
}
