/** More are reported as "more than", so that a flood of addresses costs no memory. */
const MAX_ADDRESSES = 1_000;

/** Counts sign-ins that failed between two rows (S29). */
export class FailedSignIns {
  readonly #addresses = new Set<string>();
  #count = 0;
  #more = false;

  note(address: string): void {
    this.#count += 1;
    if (this.#addresses.size < MAX_ADDRESSES) this.#addresses.add(address);
    else if (!this.#addresses.has(address)) this.#more = true;
  }

  /** What has been counted since the last time, or undefined when there was nothing. */
  take(): { readonly count: number; readonly addresses: string } | undefined {
    if (this.#count === 0) return undefined;
    const size = this.#addresses.size;
    const taken = { count: this.#count, addresses: `${this.#more ? 'more than ' : ''}${size} ${size === 1 ? 'address' : 'addresses'}` };
    this.#addresses.clear();
    this.#count = 0;
    this.#more = false;
    return taken;
  }
}
