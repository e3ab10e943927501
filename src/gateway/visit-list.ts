import type { Visit } from './visit.ts';

/**
 * The visits that are under way. Not a Set: V8 copies the table of a Set through which elements pass again and again, and the old
 * copies, once promoted, keep everything that was in them alive until the next full collection. A list leaves nothing behind.
 */
export class VisitList {
  readonly #visits: Visit[] = [];

  get size(): number {
    return this.#visits.length;
  }

  add(visit: Visit): void {
    visit.place = this.#visits.push(visit) - 1;
  }

  /** Tells false when it was not there. */
  remove(visit: Visit): boolean {
    if (this.#visits[visit.place] !== visit) return false;
    const last = this.#visits.pop();
    if (last !== undefined && last !== visit) {
      this.#visits[visit.place] = last;
      last.place = visit.place;
    }
    visit.place = -1;
    return true;
  }

  /** As they are now: going through them may end some. */
  all(): readonly Visit[] {
    return [...this.#visits];
  }
}
