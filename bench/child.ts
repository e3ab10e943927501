import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';

/** A script of this folder, run by this Node. */
export interface Script {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly url: string;
}

/** Starts a script of this folder that writes its port when it listens. Throws with what it wrote when it ends before. */
export async function startScript(file: string, args: readonly string[]): Promise<Script> {
  const child = spawn(process.execPath, [join(import.meta.dirname, file), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = (await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])) as [unknown];
  if (!(port instanceof Buffer)) throw new Error(`${file} ended before it listened.`);
  return { process: child, pid: pidOf(child), url: `http://127.0.0.1:${port.toString().trim()}` };
}

export function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error(`${child.spawnfile} could not be started.`);
  return child.pid;
}

/** Ends a child, however it takes it. */
export async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
