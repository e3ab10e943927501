import { readFileSync, readdirSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { until } from './outcome.ts';
import type { Product } from './product.ts';

/** For starts of several processes on a busy machine. */
const WAIT_MS = 60_000;

/** Process ids of a product's workers that live now. */
export function workersOf({ process: { pid } }: Pick<Product, 'process'>): readonly number[] {
  return readdirSync(`/proc/${pid}/task`)
    .flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' '))
    .filter((text) => text.trim() !== '')
    .map(Number);
}

/** Waits until so many workers serve besides `others`, which are to end: those that another has taken over from live on with their last connections. */
export async function servedBy(product: Product, count: number, others: readonly number[] = []): Promise<readonly number[]> {
  return until(`${count} new workers`, async () => {
    // A connection of its own: none is left that a worker which is to end would wait for, or that is lost with one that is killed.
    const answer = await fetch(`${product.url}/readyz`, { headers: { connection: 'close' } }).catch(() => undefined);
    if (answer === undefined) return false;
    const { degraded } = (await answer.json()) as { degraded: readonly string[] };
    const living = workersOf(product).filter((pid) => !others.includes(pid));
    return !degraded.includes('workers') && living.length === count && living;
  }, WAIT_MS);
}

/** One that has ended and that nobody has asked about yet counts as dead. */
export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/su.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

export interface Loaded {
  /** Answered with 200. */
  answered: number;
  /** What went wrong, a line each. */
  readonly problems: string[];
}

/** Clients that keep their connections and ask one thing after the other until `stop`; every answer that is no 200 is a problem, every broken connection, too. */
export function keepAsking(url: string, key: string, clients: number): Loaded & { stop(): Promise<Loaded> } {
  const load: Loaded = { answered: 0, problems: [] };
  const stopping = new AbortController();
  const body = JSON.stringify({ model: 'local', messages: [{ role: 'user', content: 'Hello' }], user: 'load' });
  const ask = async (agent: Agent): Promise<void> => {
    await new Promise<void>((resolve) => {
      const failed = (error: Error): void => {
        load.problems.push(String(error));
        resolve();
      };
      const sent = request(`${url}/v1/chat/completions`, { method: 'POST', agent, headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } }, (answer) => {
        answer.resume().once('error', failed).once('end', () => {
          if (answer.statusCode === 200) load.answered += 1;
          else load.problems.push(`status ${answer.statusCode}`);
          resolve();
        });
      });
      sent.once('error', failed).end(body);
    });
  };
  const client = async (): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (!stopping.signal.aborted) {
      await ask(agent);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    agent.destroy();
  };
  const running = Promise.all(Array.from({ length: clients }, client));
  return Object.assign(load, {
    stop: async () => {
      stopping.abort();
      await running;
      return load;
    },
  });
}
