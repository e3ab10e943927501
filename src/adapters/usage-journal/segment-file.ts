import { KeyholdError } from '../../ports/errors.ts';
import type { Disk } from './disk.ts';
import { unfinishedName } from './segment-name.ts';

/** Room is taken in pieces of at least this size. */
const EXTEND_BY = 256 * 1024;

/**
 * A segment that is being written. The file is longer than what has been written: line feeds, which mean nothing to a reader, hold
 * the room for what must still fit when the disk is full. (On file systems that copy or compress, ZFS and btrfs, that room is only as
 * good as their own reserve.)
 */
export class SegmentFile {
  readonly path: string;
  readonly #disk: Disk;
  readonly #file: number;
  /** Where the next entry goes. */
  #end = 0;
  /** How long the file is. */
  #length = 0;
  /** Up to where a failed write may have left pieces behind. */
  #soiled = 0;

  private constructor(disk: Disk, path: string, file: number) {
    this.#disk = disk;
    this.path = path;
    this.#file = file;
  }

  /** A new segment that begins with these bytes and has `room` after them. It appears under its name when all of that is there. */
  static create(disk: Disk, path: string, bytes: Buffer, room: number): SegmentFile {
    const unfinished = unfinishedName(path);
    const segment = new SegmentFile(disk, path, disk.create(unfinished));
    try {
      segment.setAside(bytes.length + room);
      segment.write(bytes);
      disk.rename(unfinished, path);
    } catch (error) {
      segment.#giveUp(unfinished);
      throw error;
    }
    return segment;
  }

  /** Makes sure that this many bytes can be written without new room. Throws what the disk says. */
  setAside(bytes: number): void {
    const wanted = this.#end + bytes;
    if (this.#length >= wanted) return;
    const filler = Buffer.alloc(Math.max(wanted - this.#length, EXTEND_BY), '\n');
    try {
      this.#writeAll(filler, this.#length);
    } catch (error) {
      // What did fit may be enough.
      if (this.#length < wanted) throw error;
    }
  }

  /** Writes entries into room that was set aside. When it throws, none of them counts, and the next write takes their place. */
  write(bytes: Buffer): void {
    const end = this.#end + bytes.length;
    const covered = this.#soiled > end ? Buffer.concat([bytes, Buffer.alloc(this.#soiled - end, '\n')]) : bytes;
    this.#soiled = Math.max(this.#soiled, end);
    this.#writeAll(covered, this.#end);
    this.#end = end;
    this.#soiled = 0;
  }

  /** Covers what a failed write may have left. Throws what the disk says. */
  clean(): void {
    if (this.#soiled > this.#end) this.write(Buffer.alloc(0));
  }

  /** Ends the segment, which is clean. */
  finish(): void {
    try {
      // Gives back the room; a reader skips it anyway.
      this.#disk.truncate(this.#file, this.#end);
    } catch {
      // The file is only longer than it needs to be.
    }
    this.#close();
  }

  #writeAll(bytes: Buffer, from: number): void {
    let written = 0;
    while (written < bytes.length) {
      const count = this.#disk.write(this.#file, written === 0 ? bytes : bytes.subarray(written), from + written);
      if (count <= 0) throw new KeyholdError('unavailable', 'The disk takes nothing more.');
      written += count;
      this.#length = Math.max(this.#length, from + written);
    }
  }

  #giveUp(unfinished: string): void {
    this.#close();
    try {
      this.#disk.remove(unfinished);
    } catch {
      // Unfinished files are cleared away at the next start.
    }
  }

  #close(): void {
    try {
      this.#disk.close(this.#file);
    } catch {
      // Nothing more is written to it.
    }
  }
}
