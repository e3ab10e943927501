/**
 * A value that is there already, or the promise of one. What a hit in a cache answers with: a promise for it costs more than the hit
 * (docs/performance.md). A function that returns one throws nothing itself where it says so; errors come as a rejected promise.
 */
export type Soon<T> = T | Promise<T>;

/** Goes on with the value: at once where it is there. Throws what `proceed` throws then; otherwise the promise rejects with it. */
export function after<T, R>(soon: Soon<T>, proceed: (value: T) => Soon<R>): Soon<R> {
  return soon instanceof Promise ? soon.then((value) => proceed(value)) : proceed(soon);
}
