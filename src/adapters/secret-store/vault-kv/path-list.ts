/** Where credentials lie below the mount. */
const ROOTS = ['platform/', 'tenants/'] as const;
/** `tenants/{tenant}/api-keys/{service}/{label}`; what lies deeper is somebody else's. */
const DEEPEST = 5;

/**
 * The paths of all secrets below the folders of credentials, ascending, those after `after` alone: folders that end before it are not listed. `list` gives
 * the names in a folder, ascending, those of folders with a slash at their end.
 */
export async function* pathsFrom(list: (folder: string) => Promise<readonly string[]>, after = ''): AsyncGenerator<string> {
  for (const root of ROOTS) yield* below(list, root, after, 1);
}

async function* below(list: (folder: string) => Promise<readonly string[]>, folder: string, after: string, depth: number): AsyncGenerator<string> {
  if (depth >= DEEPEST || (folder < after && !after.startsWith(folder))) return;
  for (const name of await list(folder)) {
    const path = `${folder}${name}`;
    if (path.endsWith('/')) yield* below(list, path, after, depth + 1);
    else if (path > after) yield path;
  }
}
