import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';

/** Where the gateway under test runs, alone, and where the load and the upstreams run. */
export const GATEWAY_CORE = 0;
export const LOAD_CORE = 1;

/** Whether processes can be bound to cores here. */
export function canPin(): boolean {
  if (process.platform !== 'linux' || availableParallelism() < 2) return false;
  try {
    execFileSync('taskset', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Binds a process with all its threads to one core; what it starts later inherits that. */
export function pin(pid: number, core: number): void {
  if (canPin()) execFileSync('taskset', ['-a', '-p', '-c', String(core), String(pid)], { stdio: 'ignore' });
}

/** A process and its children. */
export function familyOf(pid: number): readonly number[] {
  if (process.platform !== 'linux') return [pid];
  return [pid, ...readdirSync(`/proc/${pid}/task`).flatMap((task) => words(`/proc/${pid}/task/${task}/children`).flatMap((child) => familyOf(Number(child))))];
}

/** Seconds of processor time that these processes have used, in user and kernel mode; NaN where the system does not tell. */
export function processorSeconds(pids: readonly number[]): number {
  if (process.platform !== 'linux') return Number.NaN;
  return pids.reduce((sum, pid) => {
    // The name stands in parentheses and may hold anything; utime and stime are the 12th and 13th field behind it.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
    return sum + (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }, 0);
}

/** Bytes of memory that these processes have resident; NaN where the system does not tell. */
export function residentBytes(pids: readonly number[]): number {
  if (process.platform !== 'linux') return Number.NaN;
  return pids.reduce((sum, pid) => sum + Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024, 0);
}

/** What the figures were measured on, for the report. */
export function machineFacts(): Readonly<Record<string, string | number | boolean>> {
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    system: `${process.platform} ${release()}`,
    node: process.version,
    pinned: canPin(),
    loadBefore: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}

/** `USER_HZ`, which Linux has at 100 on every architecture Node runs on. */
const TICKS_PER_SECOND = 100;

function words(file: string): readonly string[] {
  return readFileSync(file, 'utf8').split(' ').filter((word) => word.trim() !== '');
}
