import type { DataKeyRotation } from '../core/keys/data-key-rotation.ts';
import type { Log } from '../ports/log.ts';

const EVERY_MS = 1_000;
/** Whether a rotation waits is looked up that rarely, unless somebody has just begun one here. */
const LOOK_EVERY = 30;
/** Looks between two searches for old keys that nothing needs any more: half an hour. */
const SWEEP_EVERY = 60;

export interface RotateDataKeysDependencies {
  readonly rotation: Pick<DataKeyRotation, 'runOnce' | 'sweep'>;
  /** Keys may not be touched now: everything waits. */
  readonly isSealed: () => boolean;
  readonly log: Log;
}

/** Does the rotations of data keys that are asked for, also those that a dead process has left. Does not keep the process alive. */
export class RotateDataKeys {
  readonly #dependencies: RotateDataKeysDependencies;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #ticksToLook = 0;
  #looksToSweep = 0;
  #isStopped = false;

  constructor(dependencies: RotateDataKeysDependencies) {
    this.#dependencies = dependencies;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#tick(), EVERY_MS).unref();
    this.#tick();
  }

  /** Somebody has begun one: looks at once. */
  wake(): void {
    this.#ticksToLook = 0;
    if (this.#timer !== undefined) this.#tick();
  }

  /** Resolves when nothing is under way any more; what is left waits for the next start. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#running;
  }

  #tick(): void {
    this.#running = this.#running.then(() => this.#runIfDue());
  }

  async #runIfDue(): Promise<void> {
    this.#ticksToLook -= 1;
    if (this.#ticksToLook > 0 || this.#isStopped || this.#dependencies.isSealed()) return;
    this.#ticksToLook = LOOK_EVERY;
    try {
      const rotated = await this.#dependencies.rotation.runOnce();
      this.#looksToSweep -= 1;
      if (rotated || this.#looksToSweep > 0) return;
      await this.#dependencies.rotation.sweep();
      this.#looksToSweep = SWEEP_EVERY;
    } catch (error) {
      this.#ticksToLook = 0;
      this.#dependencies.log.warn('data_key_rotation_failed', 'New data keys could not be put in the place of the old ones everywhere yet. It is tried again at once', { error });
    }
  }
}
