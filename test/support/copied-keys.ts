import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from './product.ts';

/** A folder for another replica, with the keys that all of an installation share. */
export async function copiedKeys(dataDir: string): Promise<string> {
  const other = await temporaryFolder();
  await mkdir(join(other, 'data'), { mode: 0o700 });
  for (const name of ['keyhold.key', 'keyhold.key.root', 'keyhold.key.audit']) await copyFile(join(dataDir, 'data', name), join(other, 'data', name));
  return other;
}
