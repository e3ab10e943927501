import type { AuditHeads } from '../core/audit/audit-heads.ts';
import type { WitnessedHeads } from '../core/audit/witnessed-heads.ts';
import type { Log } from '../ports/log.ts';
import type { LeasedJob } from './leased-job.ts';

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
 * Lets the log's heads leave this machine as the log event `audit_checkpoint`: at the start and at the stop of each replica, and hourly, by one of them
 * (S30). What is placed before a head that lies elsewhere cannot be changed unnoticed by whoever holds this machine. The same heads go to the witness, for
 * which nothing waits. Between that, each replica keeps a head of its own each minute, so that an older database is noticed at its next start; one that
 * the witness did not sign is offered again.
 */
export class LeaveHeads {
  /** The hour's head. Every replica leaves its own at its start, so the first comes an hour after that. */
  readonly hourly: LeasedJob;
  readonly #heads: Pick<AuditHeads, 'current'>;
  readonly #witness: LeaveHeadsDependencies['witness'];
  readonly #log: Log;
  readonly #keepEveryMs: number;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor({ heads, witness, log, keepEveryMs = KEEP_EVERY_MS, leaveEveryMs = LEAVE_EVERY_MS }: LeaveHeadsDependencies) {
    this.#heads = heads;
    this.#witness = witness;
    this.#log = log;
    this.#keepEveryMs = keepEveryMs;
    this.hourly = {
      name: 'leave-audit-head',
      description: 'Lets the audit log\'s signed head leave the machine each hour, in the log and to the witness.',
      everyMs: leaveEveryMs,
      firstAfterMs: leaveEveryMs,
      failure: { event: 'audit_checkpoint_failed', message: 'The audit log\'s head could not be signed or kept' },
      run: async () => {
        this.#then(() => this.#leave('hour'));
        await this.#running;
        return undefined;
      },
    };
  }

  /** Resolves when the first head has left. */
  async start(): Promise<void> {
    this.#timer ??= setInterval(() => this.#then(() => this.#keep()), this.#keepEveryMs).unref();
    this.#then(() => this.#leave('start'));
    await this.#running;
  }

  /** Resolves when the last head has left: after the last row. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
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
