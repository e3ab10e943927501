/** What docs/replicas.md promises, and what a busy machine may add to it. */
const WHOLE_MS = 100;
const NOTICED_MS = 1_000;
const UNNOTICED_MS = 10_000;
const NOTICED_AFTER_MS = 3_000;
const SLACK_MS = 2_000;
/** Until everybody is connected again and has read again what was missed. */
const MENDING_MS = 10_000;

/** When changes may have gone unheard, and how soon they are felt then. */
export class BusHealth {
  readonly #troubles: { readonly from: number; to: number }[] = [];

  /** The bus of somebody is cut. */
  trouble(): void {
    this.#troubles.push({ from: performance.now(), to: Infinity });
  }

  mended(): void {
    const last = this.#troubles.at(-1);
    if (last !== undefined) last.to = performance.now() + MENDING_MS;
  }

  /** Whether all was well from that moment to the other. */
  isWhole(from: number, to: number): boolean {
    return !this.#troubles.some((trouble) => trouble.from <= to && from - SLACK_MS <= trouble.to);
  }

  /** How long after a change of that moment something that began at the other may still go by what was before; `stale`: the answer said so itself, in an outage. */
  boundMs(changed: number, began: number, stale: boolean): number {
    if (this.isWhole(changed, began)) return WHOLE_MS + SLACK_MS;
    if (stale) return Infinity;
    const noticed = this.#troubles.some((trouble) => trouble.from + NOTICED_AFTER_MS + SLACK_MS < changed && began < trouble.to - MENDING_MS);
    return (noticed ? NOTICED_MS : UNNOTICED_MS) + SLACK_MS;
  }
}
