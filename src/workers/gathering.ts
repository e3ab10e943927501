import type { Member } from './member.ts';
import type { FromWorker } from './messages.ts';

interface Gathering {
  readonly asker: Member;
  /** The asker's own number for it. */
  readonly askedAs: number;
  readonly waitsFor: Set<Member>;
  readonly values: unknown[];
  readonly timer: NodeJS.Timeout;
}

export interface Gathered {
  readonly asker: Member;
  readonly askedAs: number;
  readonly asked: readonly Member[];
  /** How one of them is asked, under this number. */
  readonly ask: (member: Member, id: number) => void;
  /** Whoever has not answered by then is left out. */
  readonly withinMs: number;
  /** What belongs to the answers besides those of living workers. */
  readonly more?: readonly unknown[];
}

/** What one worker wants to know from others, or wants them to have: asked of each, and answered when all have, or have had their time. */
export class Gatherings {
  readonly #open = new Map<number, Gathering>();
  #asked = 0;

  begin({ asker, askedAs, asked, ask, withinMs, more = [] }: Gathered): void {
    this.#asked += 1;
    const id = this.#asked;
    const timer = setTimeout(() => this.#finish(id), withinMs);
    this.#open.set(id, { asker, askedAs, waitsFor: new Set(asked), values: [...more], timer });
    for (const member of asked) ask(member, id);
    if (asked.length === 0) this.#finish(id);
  }

  take(member: Member, { id, value }: Extract<FromWorker, { readonly kind: 'answer' }>): void {
    const gathering = this.#open.get(id);
    if (gathering === undefined || !gathering.waitsFor.delete(member)) return;
    gathering.values.push(value);
    if (gathering.waitsFor.size === 0) this.#finish(id);
  }

  /** It is gone: nobody waits for its answers. */
  forget(member: Member): void {
    for (const [id, { waitsFor }] of this.#open) if (waitsFor.delete(member) && waitsFor.size === 0) this.#finish(id);
  }

  #finish(id: number): void {
    const gathering = this.#open.get(id);
    if (gathering === undefined) return;
    this.#open.delete(id);
    clearTimeout(gathering.timer);
    gathering.asker.send({ kind: 'answers', id: gathering.askedAs, values: gathering.values });
  }
}
