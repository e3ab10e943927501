import { constants } from 'node:fs';
import { type FileHandle, link, open, rename, unlink } from 'node:fs/promises';
import path from 'node:path';
import type { RandomBytes } from '../../ports/clock.ts';
import { isDiskFull, StartError } from '../../ports/start-error.ts';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

const MODE = 0o600;
const OTHERS = 0o077;
/** What is kept in such a file is one short line; more is something else. */
const LONGEST = 4096;

/**
 * The text of a file that only its owner may touch, or undefined when there is none. Throws `StartError` 6 when it is a symbolic
 * link or no plain file, belongs to somebody else, or is open to group or others (S15); nothing of its content is ever in a message.
 */
export async function readPrivateFile(file: string): Promise<string | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) return undefined;
    if (hasCode(cause, 'ELOOP')) throw refused(file, 'is a symbolic link, which could be pointed elsewhere. Give the path of the file itself.', cause);
    throw refused(file, `cannot be read (${codeOf(cause)}). It must belong to the user who runs Keyhold, with mode 0600.`, cause);
  }
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw refused(file, 'is not a plain file. Give the path of one.');
    const us = process.geteuid?.();
    if (us !== undefined && stat.uid !== us) {
      throw refused(file, `belongs to user ${stat.uid}, and Keyhold runs as user ${us}. Change the owner: chown ${us} ${quoted(file)}`);
    }
    if ((stat.mode & OTHERS) !== 0) {
      throw refused(file, `may be used by group or others (mode 0${(stat.mode & 0o777).toString(8)}). Close it: chmod 600 ${quoted(file)}`);
    }
    if (stat.size > LONGEST) throw refused(file, `has ${stat.size} bytes, so it is not the file that Keyhold made. Check the path.`);
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

/**
 * Makes the file with this content, 0600, on disk when the promise resolves; false when there is one already, which stays as it
 * is. It appears complete or not at all: written beside under another name, then linked, which fails where a name is taken.
 * Throws `StartError` 4 where nothing can be written, 8 when the disk is full.
 */
export async function createPrivateFile(file: string, content: string, random: RandomBytes): Promise<boolean> {
  return writing(file, async () => {
    const draft = draftOf(file, random);
    await writeDraft(draft, content);
    try {
      await link(draft, file);
    } catch (error) {
      if (hasCode(error, 'EEXIST')) return false;
      throw error;
    } finally {
      await unlink(draft);
    }
    await syncFolder(path.dirname(file));
    return true;
  });
}

/** The same over whatever is there: readers see the old content or the new one, never a part. Throws as `createPrivateFile` does. */
export async function replacePrivateFile(file: string, content: string, random: RandomBytes): Promise<void> {
  await writing(file, async () => {
    const draft = draftOf(file, random);
    await writeDraft(draft, content);
    try {
      await rename(draft, file);
    } catch (error) {
      await unlink(draft);
      throw error;
    }
    await syncFolder(path.dirname(file));
  });
}

/** Puts one such file in the place of another, in one step. Throws as `createPrivateFile` does. */
export async function movePrivateFile(from: string, to: string): Promise<void> {
  await writing(to, async () => {
    await rename(from, to);
    await syncFolder(path.dirname(to));
  });
}

/** Removes such a file, if it is there. Throws as `createPrivateFile` does. */
export async function removePrivateFile(file: string): Promise<void> {
  await writing(file, async () => {
    try {
      await unlink(file);
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return;
      throw error;
    }
    await syncFolder(path.dirname(file));
  });
}

async function writing<T>(file: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (cause) {
    if (isDiskFull(cause)) throw new StartError(8, `The disk is full, so ${file} cannot be written. Free some space and start again.`, { cause });
    const folder = path.dirname(file);
    const advice = hasCode(cause, 'ENOENT') ? `Its folder does not exist: mkdir -p -m 700 ${quoted(folder)}` : 'Let the user who runs Keyhold write in its folder, or choose another place.';
    throw new StartError(4, `${file} cannot be written (${codeOf(cause)}). ${advice}`, { cause });
  }
}

function draftOf(file: string, random: RandomBytes): string {
  return path.join(path.dirname(file), `.${path.basename(file)}.${random(8).toString('hex')}.new`);
}

async function writeDraft(draft: string, content: string): Promise<void> {
  const handle = await open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, MODE);
  try {
    await handle.chmod(MODE);
    await handle.writeFile(content, 'utf8');
    await handle.sync();
  } catch (error) {
    await unlink(draft);
    throw error;
  } finally {
    await handle.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, O_RDONLY | O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function refused(file: string, reason: string, cause?: unknown): StartError {
  return new StartError(6, `${file} ${reason}`, { cause });
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown reason';
}

/** The path as a shell takes it. */
function quoted(file: string): string {
  return `'${file.replaceAll("'", String.raw`'\''`)}'`;
}
