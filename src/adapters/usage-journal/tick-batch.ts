import type { UsageEvent } from '../../ports/usage.ts';

/** A request that has begun: its start's line, to carry into later segments, and the room that its end has. */
export interface OpenRequest {
  readonly id: string;
  readonly line: string;
  readonly bytes: number;
  readonly room: number;
  /** `beginning` until its start is written; `ending` once an end has been given, written or not. */
  state: 'beginning' | 'open' | 'ending';
  /** The next one in the table's chain. */
  next: OpenRequest | undefined;
}

export interface GivenEnd {
  readonly request: OpenRequest;
  readonly event: UsageEvent;
  readonly line: string;
  readonly bytes: number;
}

/** One answer for all entries of a kind in a batch, made only when there is one. */
export class Answer {
  #pending: PromiseWithResolvers<void> | null = null;

  get promise(): Promise<void> {
    this.#pending ??= Promise.withResolvers<void>();
    return this.#pending.promise;
  }

  resolve(): void {
    this.#pending?.resolve();
  }

  reject(error: unknown): void {
    this.#pending?.reject(error);
  }
}

/** The entries of one event-loop tick, which are written together. */
export class TickBatch {
  readonly begun: OpenRequest[] = [];
  readonly ended: GivenEnd[] = [];
  readonly beginsAnswer = new Answer();
  readonly endsAnswer = new Answer();

  begin(request: OpenRequest): Promise<void> {
    this.begun.push(request);
    return this.beginsAnswer.promise;
  }

  end(end: GivenEnd): Promise<void> {
    this.ended.push(end);
    return this.endsAnswer.promise;
  }
}
