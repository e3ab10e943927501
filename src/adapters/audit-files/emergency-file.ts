import { createHash } from 'node:crypto';
import { closeSync, constants, existsSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { AuditJournal, AuditRowDraft } from '../../ports/audit-journal.ts';
import { KeyholdError } from '../../ports/errors.ts';
import { isDiskFull, StartError } from '../../ports/start-error.ts';

const { O_CREAT, O_NOFOLLOW, O_RDWR } = constants;

/** Room for a thousand rows and more. */
const SIZE = 1024 * 1024;
const CHECK_DIGITS = 16;
const NUL = 0;

/**
 * The emergency journal in one file whose blocks are taken at the start and overwritten in place, so that it can be written on a full disk
 * (S29; not on file systems that copy on each write). A row is a line: a check of its JSON, a space, the JSON; what is not used is zero.
 * A row that was cut by a crash was never acknowledged and is left out. Throws `StartError` 8 when the disk is too full to begin
 * with, 4 when the file cannot be written.
 */
export async function openEmergencyFile(file: string): Promise<AuditJournal> {
  try {
    const handle = await open(file, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
    try {
      return await EmergencyFile.take(handle);
    } catch (error) {
      await handle.close();
      throw error;
    }
  } catch (cause) {
    if (isDiskFull(cause)) throw new StartError(8, `The disk is full, so there is no room for ${file}, where revocations go when the audit log cannot be written. Free ${SIZE / 1024} KiB and start again.`, { cause });
    throw new StartError(4, `${file} cannot be written. Let the user who runs Keyhold write in its folder; if the file is a link, remove it.`, { cause });
  }
}

/** Whether there is such a file with a row in it. Throws what the system says. */
export function hasLeftRows(file: string): boolean {
  if (!existsSync(file)) return false;
  const handle = openSync(file, constants.O_RDONLY | O_NOFOLLOW);
  try {
    const first = Buffer.alloc(1);
    return readSync(handle, first, 0, 1, 0) === 1 && first[0] !== NUL;
  } finally {
    closeSync(handle);
  }
}

class EmergencyFile implements AuditJournal {
  readonly left: readonly AuditRowDraft[];
  readonly #handle: FileHandle;
  #end: number;
  #work: Promise<void> = Promise.resolve();

  static async take(handle: FileHandle): Promise<EmergencyFile> {
    const content = Buffer.alloc(SIZE);
    const { bytesRead } = await handle.read(content, 0, SIZE, 0);
    const { rows, end } = rowsIn(content);
    // Whatever is behind the last whole row is of no use, and what the file is too short by is written, so that its blocks are there.
    if (bytesRead < SIZE || content.subarray(end).some((byte) => byte !== NUL)) {
      await writeAll(handle, Buffer.alloc(SIZE - end), end);
      await handle.sync();
    }
    return new EmergencyFile(handle, rows, end);
  }

  private constructor(handle: FileHandle, left: readonly AuditRowDraft[], end: number) {
    this.#handle = handle;
    this.left = left;
    this.#end = end;
  }

  async append(row: AuditRowDraft): Promise<void> {
    const line = lineOf(row);
    return this.#alone(async () => {
      if (this.#end + line.length > SIZE) throw refused(new Error('the emergency journal is full'));
      try {
        await writeAll(this.#handle, line, this.#end);
        await this.#handle.datasync();
      } catch (error) {
        throw refused(error);
      }
      this.#end += line.length;
    });
  }

  async clear(): Promise<void> {
    return this.#alone(async () => {
      if (this.#end === 0) return;
      await writeAll(this.#handle, Buffer.alloc(this.#end), 0);
      await this.#handle.datasync();
      this.#end = 0;
    });
  }

  async close(): Promise<void> {
    return this.#alone(() => this.#handle.close());
  }

  /** One after the other. */
  async #alone(work: () => Promise<void>): Promise<void> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => {});
    return done;
  }
}

function lineOf(row: AuditRowDraft): Buffer {
  const text = JSON.stringify(row);
  return Buffer.from(`${checkOf(text)} ${text}\n`);
}

function rowsIn(content: Buffer): { readonly rows: readonly AuditRowDraft[]; readonly end: number } {
  const rows: AuditRowDraft[] = [];
  let end = 0;
  for (;;) {
    const newline = content.indexOf('\n', end);
    if (newline < 0) return { rows, end };
    const line = content.toString('utf8', end, newline);
    const text = line.slice(CHECK_DIGITS + 1);
    if (line.slice(0, CHECK_DIGITS + 1) !== `${checkOf(text)} `) return { rows, end };
    const row: AuditRowDraft = JSON.parse(text);
    rows.push(row);
    end = newline + 1;
  }
}

function checkOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, CHECK_DIGITS);
}

async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
}

function refused(cause: unknown): KeyholdError {
  return new KeyholdError('unavailable', 'Neither the audit log nor the emergency journal can be written. An operator has to look at the database and the disk.', { retryAfterSeconds: 5, cause });
}
