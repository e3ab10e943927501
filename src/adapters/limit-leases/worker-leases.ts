import type { HeldAsk, LimitLeases, WindowAnswer, WindowAsk } from '../../ports/limit-leases.ts';

/** What goes to the process that keeps the account for all workers of a machine. */
export type LeaseQuestion = { readonly kind: 'window'; readonly ask: WindowAsk } | { readonly kind: 'held'; readonly ask: HeldAsk };

/** The account of the workers of one machine, which their first process keeps. `send` resolves with its answer, undefined where none came. */
export function createWorkerLeases(send: (question: LeaseQuestion) => Promise<unknown>): LimitLeases {
  return {
    kind: 'workers',
    async window(ask) {
      const answer = await send({ kind: 'window', ask });
      if (isWindowAnswer(answer)) return answer;
      throw new Error('The first process did not answer.');
    },
    async held(ask) {
      const answer = await send({ kind: 'held', ask });
      if (typeof answer === 'number') return answer;
      throw new Error('The first process did not answer.');
    },
  };
}

/** The first process's side of it. */
export function answerLease(table: LimitLeases, question: LeaseQuestion): unknown {
  return question.kind === 'window' ? table.window(question.ask) : table.held(question.ask);
}

function isWindowAnswer(value: unknown): value is WindowAnswer {
  return typeof value === 'object' && value !== null && 'granted' in value && 'window' in value && 'leftMs' in value && 'left' in value;
}
