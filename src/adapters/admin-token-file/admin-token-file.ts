import { constants } from 'node:fs';
import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseToken } from '../../core/access/token-text.ts';
import { isDiskFull, StartError } from '../../ports/start-error.ts';
import type { SecretValue } from '../../ports/secret-value.ts';

export interface AdminTokenFile {
  readonly path: string;
  /** Writes the token and a newline, readable for the owner alone, in place of what was there. Durable when it resolves. */
  keep(text: SecretValue): Promise<void>;
  /** Removes the file if the token with this id is in it; another one's, or none, is left as it is. */
  discard(tokenId: string): Promise<void>;
}

/** The file `admin-token` in the data folder (S28). Its writing fails with `StartError`. */
export function createAdminTokenFile(folder: string): AdminTokenFile {
  const path = join(folder, 'admin-token');
  return {
    path,
    async keep(text) {
      try {
        // Whatever stands there, a link included, is replaced and never written through.
        await rm(path, { force: true });
        await write(path, `${text.reveal()}\n`);
        await sync(folder);
      } catch (error) {
        if (isDiskFull(error)) throw new StartError(8, `The disk is full: ${path} could not be written. Make room and start Keyhold again.`, { cause: error });
        throw new StartError(4, `The first administrator token could not be written to ${path}. Check that the data folder is writable and start Keyhold again.`, { cause: error });
      }
    },
    async discard(tokenId) {
      const kept = await readFile(path, 'utf8').catch(() => '');
      if (parseToken(kept.trim())?.id !== tokenId) return;
      await rm(path, { force: true });
      await sync(folder);
    },
  };
}

async function write(path: string, text: string): Promise<void> {
  const file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  try {
    await file.writeFile(text);
    // The mode given to open() is cut by the umask, never widened; a umask that hides the file from its owner is undone here.
    await file.chmod(0o600);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A new or removed name is durable only when its folder is. */
async function sync(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
