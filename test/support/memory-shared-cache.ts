import type { SharedCache } from '../../src/ports/shared-cache.ts';

/** A shared cache in memory, with a gate before each step. */
export class MemorySharedCache implements SharedCache {
  readonly entries = new Map<string, Buffer>();
  readonly #groups = new Map<string, Set<string>>();
  isAway = false;
  /** Waited for before anything happens. */
  gate: (step: string) => Promise<void> = async () => undefined;

  async get(name: string): Promise<Buffer | undefined> {
    await this.gate('shared get');
    return this.isAway ? undefined : this.entries.get(name);
  }

  async set(name: string, group: string, bytes: Buffer): Promise<boolean> {
    await this.gate('shared set');
    if (this.isAway) return false;
    this.entries.set(name, bytes);
    const names = this.#groups.get(group) ?? new Set();
    this.#groups.set(group, names.add(name));
    return true;
  }

  async remove(name: string): Promise<void> {
    await this.gate('shared remove');
    if (!this.isAway) this.entries.delete(name);
  }

  async removeGroup(group: string): Promise<void> {
    if (!this.isAway) for (const name of this.#groups.get(group) ?? []) this.entries.delete(name);
  }
}
