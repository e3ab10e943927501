import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LOAD_CORE, pin } from './machine.ts';
import { pidOf } from './child.ts';
import { chatPath } from './payload.ts';

export interface Load {
  readonly url: string;
  readonly key: string;
  readonly body: string;
  readonly connections: number;
  readonly seconds: number;
}

/** Puts a closed-loop load on an address: every connection sends its next request when it has its answer. Throws when any answer is not a 2xx. */
export async function runWrk({ url, key, body, connections, seconds }: Load): Promise<{ readonly requests: number; readonly perSecond: number }> {
  const script = join(tmpdir(), `keyhold-bench-${process.pid}-${connections}-${new URL(url).port}.lua`);
  await writeFile(script, scriptOf(key, body), { mode: 0o600 });
  try {
    const child = spawn('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '30s', '-s', script, url + chatPath], { stdio: ['ignore', 'pipe', 'inherit'] });
    pin(pidOf(child), LOAD_CORE);
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await once(child, 'close');
    const requests = Number(/(\d+) requests in/.exec(output)?.[1]);
    const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]);
    const problems = /Non-2xx.*|Socket errors.*/.exec(output)?.[0];
    if (problems !== undefined || !(perSecond > 0)) throw new Error(`The load on ${url} did not go as it should: ${problems ?? output}`);
    return { requests, perSecond };
  } finally {
    await rm(script, { force: true });
  }
}

function scriptOf(key: string, body: string): string {
  return `wrk.method = "POST"\nwrk.headers["authorization"] = "Bearer ${key}"\nwrk.headers["content-type"] = "application/json"\nwrk.body = [==[${body}]==]\n`;
}
