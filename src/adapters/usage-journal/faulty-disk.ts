import type { Disk } from './disk.ts';

/** Thrown by every call from the moment at which the process is «killed». */
export class Killed extends Error {
  /** Whether it is this call in which it happened. */
  readonly justNow: boolean;

  constructor(justNow: boolean) {
    super('killed');
    this.justNow = justNow;
  }
}

/**
 * A disk in memory for tests, which can be full, refuse writes, write in pieces, and end the process at any call. What was written
 * before stays for the next process: `revive`.
 */
export class FaultyDisk implements Disk {
  readonly files = new Map<string, Buffer>();
  /** Calls until the process is killed; the one at which it happens takes effect in part, if it is a write. */
  killAfter: number | null = null;
  /** How much of a write that is killed or refused reaches the disk, 0 to 1. */
  part = 0;
  /** Bytes that files may have together; null: no limit. */
  capacity: number | null = null;
  /** Writes that fail with EIO from now on. */
  failingWrites = 0;
  calls = 0;
  readonly #descriptors = new Map<number, { path: string }>();
  #nextDescriptor = 10;

  revive(): void {
    this.killAfter = null;
    this.#descriptors.clear();
  }

  get used(): number {
    let sum = 0;
    for (const bytes of this.files.values()) sum += bytes.length;
    return sum;
  }

  makeFolder(): void {
    this.#step();
  }

  list(folder: string): readonly string[] {
    this.#step();
    return [...this.files.keys()].filter((path) => path.startsWith(`${folder}/`)).map((path) => path.slice(folder.length + 1));
  }

  read(path: string): Buffer {
    this.#step();
    return Buffer.from(this.#bytesOf(path));
  }

  create(path: string): number {
    this.#step();
    this.files.set(path, Buffer.alloc(0));
    this.#descriptors.set((this.#nextDescriptor += 1), { path });
    return this.#nextDescriptor;
  }

  write(file: number, bytes: Buffer, position: number): number {
    const { path } = this.#fileOf(file);
    const some = bytes.subarray(0, Math.floor(bytes.length * this.part));
    try {
      this.#step();
    } catch (error) {
      if (error instanceof Killed && error.justNow) this.#put(path, some, position);
      throw error;
    }
    if (this.failingWrites > 0) {
      this.failingWrites -= 1;
      this.#put(path, some, position);
      throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
    }
    const growth = position + bytes.length - this.#bytesOf(path).length;
    const free = this.capacity === null ? Infinity : Math.max(0, this.capacity - this.used);
    if (growth <= free) {
      this.#put(path, bytes, position);
      return bytes.length;
    }
    const fits = bytes.length - growth + free;
    if (fits <= 0) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    this.#put(path, bytes.subarray(0, fits), position);
    return fits;
  }

  truncate(file: number | string, length: number): void {
    this.#step();
    const path = typeof file === 'number' ? this.#fileOf(file).path : file;
    this.files.set(path, Buffer.from(this.#bytesOf(path).subarray(0, length)));
  }

  close(file: number): void {
    this.#step();
    this.#fileOf(file);
    this.#descriptors.delete(file);
  }

  rename(from: string, to: string): void {
    this.#step();
    this.files.set(to, this.#bytesOf(from));
    this.files.delete(from);
    for (const descriptor of this.#descriptors.values()) if (descriptor.path === from) descriptor.path = to;
  }

  remove(path: string): void {
    this.#step();
    this.files.delete(path);
  }

  #step(): void {
    this.calls += 1;
    if (this.killAfter === null) return;
    const left = this.killAfter;
    this.killAfter = Math.max(left - 1, -1);
    if (left <= 0) throw new Killed(left === 0);
  }

  #put(path: string, bytes: Buffer, position: number): void {
    const old = this.#bytesOf(path);
    if (position + bytes.length <= old.length) {
      bytes.copy(old, position);
      return;
    }
    const put = Buffer.alloc(Math.max(old.length, position + bytes.length));
    old.copy(put);
    bytes.copy(put, position);
    this.files.set(path, put);
  }

  #bytesOf(path: string): Buffer {
    const bytes = this.files.get(path);
    if (bytes === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
    return bytes;
  }

  #fileOf(file: number): { path: string } {
    const descriptor = this.#descriptors.get(file);
    if (descriptor === undefined) throw Object.assign(new Error('EBADF'), { code: 'EBADF' });
    return descriptor;
  }
}
