import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RecordingLog } from '../../test/support/recording-log.ts';
import { Fleet } from './fleet.ts';
import { Member, type WorkerProcess } from './member.ts';
import type { ToWorker } from './messages.ts';

const SHUTDOWN_MS = 30_000;

/** A worker process that does nothing by itself, but lives. */
class FakeWorker {
  readonly told: ToWorker[] = [];
  readonly member: Member;
  isGone = false;
  readonly #worker = new EventEmitter();
  readonly #process = new EventEmitter();

  constructor(events: ConstructorParameters<typeof Member>[1]) {
    const process = Object.assign(this.#process, {
      pid: 1,
      send: (message: ToWorker) => this.told.push(message) > 0,
      kill: (signal: string) => {
        queueMicrotask(() => this.end(null, signal));
        return true;
      },
    });
    const worker = Object.assign(this.#worker, { isConnected: () => !this.isGone, process });
    this.member = new Member(worker as unknown as WorkerProcess, events);
    setInterval(() => this.#worker.emit('message', { kind: 'alive' }), 1_000);
  }

  serve(): void {
    this.#worker.emit('message', { kind: 'serving', port: 1 });
  }

  end(code: number | null, signal: string | null = null): void {
    if (!this.isGone) this.#process.emit('exit', code, signal);
    this.isGone = true;
  }

  wasTold(kind: ToWorker['kind']): boolean {
    return this.told.some((message) => message.kind === kind);
  }
}

describe('R5.7 the worker processes', () => {
  let log: RecordingLog;
  let workers: FakeWorker[];
  let fleet: Fleet;

  beforeEach(() => {
    vi.useFakeTimers();
    log = new RecordingLog();
    workers = [];
    fleet = new Fleet({
      size: 2,
      shutdownTimeoutMs: SHUTDOWN_MS,
      log,
      monotonic: () => Date.now(),
      start: (events) => {
        const worker = new FakeWorker(events);
        workers.push(worker);
        return worker.member;
      },
      beginning: { pid: 1, dataDir: '/data', database: 'postgres' },
      listens: () => undefined,
      answerLease: () => undefined, addMetrics: () => undefined,
    });
    serveAll();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  /** All that are to begin do, one after the other. */
  function serveAll(): void {
    for (let next = beginning(); next !== undefined; next = beginning()) next.serve();
  }

  function beginning(): FakeWorker | undefined {
    return workers.find(({ member, isGone }) => member.isStarting && !isGone);
  }

  function alive(): readonly FakeWorker[] {
    return workers.filter(({ isGone }) => !isGone);
  }

  function serving(): readonly FakeWorker[] {
    return alive().filter(({ member }) => member.isServing);
  }

  it('restarted again and again with streams that never end: the oldest have their time limited, and new ones serve all the same', async () => {
    for (let round = 0; round < 6; round += 1) {
      const before = serving();
      fleet.restart();
      serveAll();
      await vi.advanceTimersByTimeAsync(SHUTDOWN_MS + 10_000);
      serveAll();
      await vi.advanceTimersByTimeAsync(SHUTDOWN_MS + 10_000);
      expect(serving()).toHaveLength(2);
      expect(serving().some((worker) => before.includes(worker))).toBe(false);
      expect(alive().length).toBeLessThanOrEqual(6);
    }
    const [first, second] = workers;
    expect([first?.wasTold('stop'), second?.wasTold('stop'), first?.isGone, second?.isGone]).toEqual([true, true, true, true]);
    expect(alive().filter((worker) => worker.wasTold('stop'))).toEqual([]);
    expect(log.of('worker_cut_short')).toHaveLength(8);
  });

  it('old ones that end in time leave room, and nobody is cut short', async () => {
    for (let round = 0; round < 6; round += 1) {
      const before = serving();
      fleet.restart();
      serveAll();
      for (const worker of before) worker.end(0);
    }
    expect(alive()).toHaveLength(2);
    expect(log.of('worker_cut_short')).toEqual([]);
  });

  it('asked for a second time while one is on its way: nobody serves in the end who had read the settings before', () => {
    fleet.restart();
    // One is starting, and has read the first settings; as has who waits for the turn after it.
    serving()[0]?.end(null, 'SIGKILL');
    const early = [...workers];
    fleet.restart();
    vi.advanceTimersByTime(1_000);
    serveAll();
    expect(serving()).toHaveLength(2);
    expect(serving().filter((worker) => early.includes(worker))).toEqual([]);
    expect(log.of('workers_not_restarted')).toEqual([]);
  });

  it('a new one that does not start ends the restart, and the old ones stay', async () => {
    const before = serving();
    fleet.restart();
    beginning()?.end(2);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(serving()).toEqual(before);
    expect(log.of('workers_not_restarted')).toHaveLength(1);
  });
});
