import type { DataKeyRotation } from '../core/keys/data-key-rotation.ts';
import type { LeasedJob } from './leased-job.ts';

/** Whether a rotation waits is looked up that rarely, unless somebody has just begun one where the job is done. */
const EVERY_MS = 30_000;
const AFTER_FAILURE_MS = 1_000;
/** Looks between two searches for old keys that nothing needs any more: half an hour. */
const SWEEP_EVERY = 60;

export interface RotateDataKeysDependencies {
  readonly rotation: Pick<DataKeyRotation, 'runOnce' | 'sweep'>;
  /** Keys may not be touched now: everything waits. */
  readonly isSealed: () => boolean;
}

/** Does the rotations of data keys that are asked for, also those that a dead process has left. */
export class RotateDataKeys implements LeasedJob {
  readonly name = 'rotate-data-keys';
  readonly description = 'Does the rotations of data keys that were asked for, and destroys old data keys that nothing is sealed under any more.';
  readonly everyMs = EVERY_MS;
  readonly afterFailureMs = AFTER_FAILURE_MS;
  readonly failure = { event: 'data_key_rotation_failed', message: 'New data keys could not be put in the place of the old ones everywhere yet. It is tried again at once' };
  readonly #dependencies: RotateDataKeysDependencies;
  #looksToSweep = 0;

  constructor(dependencies: RotateDataKeysDependencies) {
    this.#dependencies = dependencies;
  }

  async run(mayGoOn: () => boolean): Promise<undefined> {
    const { rotation, isSealed } = this.#dependencies;
    if (isSealed()) return;
    const rotated = await rotation.runOnce(mayGoOn);
    this.#looksToSweep -= 1;
    if (rotated || this.#looksToSweep > 0) return;
    await rotation.sweep(mayGoOn);
    this.#looksToSweep = SWEEP_EVERY;
  }
}
