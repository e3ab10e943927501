import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AzureCall, OpenCall } from './call-log.ts';
import { type Answer, type AnswerHeaders, send } from './listener.ts';

/** What happens to a request instead of being served. In a vault only requests with a good token meet faults. */
export type AzureFault =
  /** It waits so long, then it is served. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** It is refused without having been done. `code` and `inner` make up Azure's error body; a text is somebody else's body, an empty one none. */
  | { readonly kind: 'answer'; readonly status: number; readonly code?: string; readonly inner?: string; readonly text?: string; readonly headers?: AnswerHeaders }
  /** The connection breaks, nothing was done. */
  | { readonly kind: 'drop-request' }
  /** The operation is done, its answer is lost with the connection. */
  | { readonly kind: 'drop-answer' }
  /** The request waits until `release`, then it is served. */
  | { readonly kind: 'hold' }
  /** The connection breaks now, the operation is done at `release`. */
  | { readonly kind: 'hold-and-break' };

/** Matches a request by the fields that are given. */
export type CallPattern = Partial<Pick<AzureCall, 'where' | 'operation' | 'name' | 'clientId'>>;

export interface AzureFaults {
  /** From now on the matching requests (all, when left out) meet the fault: the next `times` of them, or all until `heal`. */
  break(fault: AzureFault, matches?: CallPattern, times?: number): void;
  /** No more faults. What is held stays held. */
  heal(): void;
  /** Serves what is held; resolves when that is done. */
  release(): Promise<void>;
  /** How many requests are held. */
  held(): number;
}

interface Rule {
  readonly fault: AzureFault;
  readonly matches: CallPattern;
  left: number;
}

/** What became of a request under the faults: an answer to send, or a connection to break. */
type Outcome = Answer | 'break';

/** Does what the outcome says and writes it down. */
export function conclude(outcome: Outcome, call: OpenCall, request: IncomingMessage, response: ServerResponse): void {
  if (outcome === 'break') {
    request.socket.destroy();
    return;
  }
  call.status = outcome.status;
  send(response, outcome);
}

export class Faults implements AzureFaults {
  #rules: Rule[] = [];
  #held: (() => Promise<void>)[] = [];

  break(fault: AzureFault, matches: CallPattern = {}, times = Infinity): void {
    this.#rules.push({ fault, matches, left: times });
  }

  heal(): void {
    this.#rules = [];
  }

  held(): number {
    return this.#held.length;
  }

  async release(): Promise<void> {
    await Promise.all(this.#held.splice(0).map((go) => go()));
  }

  /** Does the operation, or what the first matching rule says. */
  async serve(call: AzureCall, operate: () => Promise<Answer>): Promise<Outcome> {
    const fault = this.#next(call);
    switch (fault?.kind) {
      case undefined:
        return operate();
      case 'delay':
        await sleep(fault.ms);
        return operate();
      case 'answer': {
        const headers = fault.headers ?? {};
        if (fault.text !== undefined) return { status: fault.status, headers, ...(fault.text === '' ? {} : { body: fault.text }) };
        const code = fault.code ?? 'InternalServerError';
        const error = { code, message: `The test server was told to answer ${fault.status}.`, ...(fault.inner === undefined ? {} : { innererror: { code: fault.inner } }) };
        return { status: fault.status, headers, body: { error } };
      }
      case 'hold':
        return this.#hold(operate);
      case 'drop-request':
        break;
      case 'drop-answer':
        await operate();
        break;
      case 'hold-and-break':
        void this.#hold(operate);
        break;
    }
    return 'break';
  }

  #hold(operate: () => Promise<Answer>): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#held.push(async () => resolve(await operate()));
    return promise;
  }

  #next(call: AzureCall): AzureFault | undefined {
    const rule = this.#rules.find(({ matches, left }) => left > 0 && fits(call, matches));
    if (rule === undefined) return undefined;
    rule.left -= 1;
    return rule.fault;
  }
}

function fits(call: AzureCall, { where, operation, name, clientId }: CallPattern): boolean {
  return (where === undefined || where === call.where) && (operation === undefined || operation === call.operation) && (clientId === undefined || clientId === call.clientId) && (name === undefined || name.toLowerCase() === call.name?.toLowerCase());
}
