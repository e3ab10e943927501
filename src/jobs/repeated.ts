export interface RepeatedOptions {
  readonly everyMs: number;
  /** Never rejects. */
  readonly work: () => Promise<void>;
}

/** Something that each replica does again and again, one run at a time. Does not keep the process alive. */
export class Repeated {
  readonly #options: RepeatedOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(options: RepeatedOptions) {
    this.#options = options;
  }

  /** The first run comes after one interval. */
  start(): void {
    this.#timer ??= setInterval(() => void this.now(), this.#options.everyMs).unref();
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#running;
  }

  /** One run at once; the one that is under way instead, if there is one. */
  now(): Promise<void> {
    this.#running ??= this.#options.work().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }
}
