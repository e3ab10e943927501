import { setTimeout as sleep } from 'node:timers/promises';
import { apiOf } from './api.ts';

/** One answered request of a steady run. */
export interface SteadyAnswer {
  /** Milliseconds since the run began. */
  readonly at: number;
  readonly tookMs: number;
  readonly status: number;
  readonly code: string | null;
  /** Under which the product logs it. */
  readonly requestId: string;
  /** `x-keyhold-stale`, in seconds; 0 where there is none. */
  readonly stale: number;
}

export interface SteadyRun {
  /** Of all that are answered so far, oldest first. */
  readonly answers: readonly SteadyAnswer[];
  /** Begins no more, and resolves when the last is answered. */
  stop(): Promise<readonly SteadyAnswer[]>;
}

/** One chat request. */
export async function request(url: string, gatewayKey: string, beganAt = performance.now()): Promise<SteadyAnswer> {
  const startedAt = performance.now();
  const { status, headers, body } = await apiOf(url, gatewayKey).call('POST', '/v1/chat/completions', { model: 'steady', messages: [{ role: 'user', content: 'Hello' }] });
  const code = (body['error'] as { readonly code?: string } | undefined)?.code ?? null;
  return { at: startedAt - beganAt, tookMs: performance.now() - startedAt, status, code, requestId: headers.get('x-request-id') ?? '', stale: Number(headers.get('x-keyhold-stale') ?? 0) };
}

/** Requests at a steady rate with each of the keys in turn, begun in time whether or not those before are answered. */
export function steadily(url: string, gatewayKeys: readonly string[], perSecond: number): SteadyRun {
  const beganAt = performance.now();
  const answers: SteadyAnswer[] = [];
  const open = new Set<Promise<void>>();
  const stopped = new AbortController();
  const run = async (): Promise<void> => {
    for (let turn = 0; !stopped.signal.aborted; turn += 1) {
      const one = request(url, gatewayKeys[turn % gatewayKeys.length] ?? '', beganAt)
        .then((answer) => void answers.push(answer), (error: unknown) => void answers.push({ at: performance.now() - beganAt, tookMs: 0, status: 0, code: String(error), requestId: '', stale: 0 }))
        .finally(() => open.delete(one));
      open.add(one);
      await sleep(Math.max(0, beganAt + (1000 * (turn + 1)) / perSecond - performance.now()));
    }
    await Promise.all(open);
  };
  const running = run();
  return {
    answers,
    stop: async () => {
      stopped.abort();
      await running;
      return answers;
    },
  };
}

/** The requests that failed, in few words. */
export function failed(answers: readonly SteadyAnswer[]): readonly string[] {
  return answers.filter(({ status }) => status !== 200).map(({ at, status, code }) => `${Math.round(at)} ms: ${status} ${code}`);
}
