import { setTimeout as sleep } from 'node:timers/promises';

const LONGEST_MS = 30_000;

/** Resolves when it is so; throws with the words when it is still not so after half a minute, or as long as is said. */
export async function eventually(isSo: () => boolean | Promise<boolean>, otherwise: () => string, longestMs = LONGEST_MS): Promise<void> {
  const deadline = performance.now() + longestMs;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(otherwise());
    await sleep(25);
  }
}
