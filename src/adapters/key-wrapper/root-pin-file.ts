import type { RandomBytes } from '../../ports/clock.ts';
import type { RootPin } from '../../ports/key-wrapper.ts';
import { StartError } from '../../ports/start-error.ts';
import { lineOf } from './one-line.ts';
import { createPrivateFile, readPrivateFile } from './private-file.ts';

const COMMITMENT = /^[0-9a-f]{64}$/;

/**
 * The root key's commitment in `<key file>.root` (R0.1), 0600. The other wrappers have it under the same name, beside where the key file
 * would be: whatever wraps the root key, it is the same root key.
 */
export function rootPinFile(keyFile: string, random: RandomBytes): RootPin {
  const file = `${keyFile}.root`;
  const read = async (): Promise<string | undefined> => {
    const text = await readPrivateFile(file);
    if (text === undefined) return undefined;
    const commitment = lineOf(text);
    if (commitment === undefined || !COMMITMENT.test(commitment)) {
      throw new StartError(6, `${file} does not hold a root key's commitment (64 hexadecimal digits in one line). Restore it from your backup.`);
    }
    return commitment;
  };
  return {
    place: file,
    read,
    write: async (commitment) => {
      if (await createPrivateFile(file, `${commitment}\n`, random)) return;
      if ((await read()) !== commitment) {
        throw new StartError(6, `${file} pins another root key. Another Keyhold uses the same KEYHOLD_KEY_FILE for another database; give each its own.`);
      }
    },
  };
}
