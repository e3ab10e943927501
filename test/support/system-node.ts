import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * The Node that a user's shell would find: the first on the path that is not one of ours under node_modules. Where there is none, the
 * Node that runs the tests.
 */
export function systemNode(): string {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    if (folder === '' || folder.includes('node_modules')) continue;
    const file = join(folder, 'node');
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this folder.
    }
  }
  return process.execPath;
}
