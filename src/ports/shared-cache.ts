/**
 * A place that all replicas reach and that forgets: bytes under names, for a time. It is never needed: nothing of it rejects, and whoever asks waits for a
 * moment at most. What lies there is sealed, and is believed only as far as it can be opened (S19).
 */
export interface SharedCache {
  /** undefined where there is nothing, or no answer within `ANSWER_MS`. */
  get(name: string): Promise<Buffer | undefined>;
  /** Kept for `ttlMs` at most. `group`: what it can be removed with. False when nobody took it. */
  set(name: string, group: string, bytes: Buffer, ttlMs: number): Promise<boolean>;
  remove(name: string): Promise<void>;
  removeGroup(group: string): Promise<void>;
}

/** Milliseconds. */
export const ANSWER_MS = 50;
