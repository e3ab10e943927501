import { Type } from 'typebox';
import { Value } from 'typebox/value';

const Versions = Type.Record(Type.String(), Type.String());

const Manifest = Type.Object({
  name: Type.String(),
  version: Type.String(),
  description: Type.String(),
  license: Type.String(),
  type: Type.Literal('module'),
  engines: Versions,
  dependencies: Versions,
  optionalDependencies: Versions,
});

const Lock = Type.Object({
  lockfileVersion: Type.Literal(3),
  packages: Type.Record(Type.String(), Type.Object({ version: Type.String(), dev: Type.Optional(Type.Boolean()), integrity: Type.Optional(Type.String()) })),
});

export interface InstalledManifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly [key: string]: unknown;
}

/**
 * The `package.json` of the tarball: what runs, pinned, and nothing that only builds. The libraries are in the tarball; Node, which
 * differs by platform, is fetched when it is installed.
 */
export function manifestForInstalling(manifest: unknown): InstalledManifest {
  if (!Value.Check(Manifest, manifest)) throw new Error('package.json lacks something that the package needs.');
  const { name, version, description, license, type, engines, dependencies, optionalDependencies } = manifest;
  return { name, version, description, license, type, engines, bin: { keyhold: 'bin/keyhold.cjs' }, dependencies, optionalDependencies, bundleDependencies: Object.keys(dependencies) };
}

/**
 * The lock by which the tarball's libraries are fetched: the checkout's without what only development needs, so that the files are
 * those that were tested, checked by their integrity (S37). Throws when an entry has none.
 */
export function lockForInstalling(lock: unknown, manifest: InstalledManifest): Record<string, unknown> {
  if (!Value.Check(Lock, lock)) throw new Error('package-lock.json is not a lock of version 3. Run npm install with npm 9 or newer.');
  const { packages } = lock;
  const kept = Object.entries(packages).filter(([path, entry]) => path !== '' && entry.dev !== true);
  const unlocked = kept.filter(([, entry]) => entry.integrity === undefined).map(([path]) => path);
  if (unlocked.length > 0) throw new Error(`package-lock.json has no integrity for ${unlocked.join(', ')}. Run npm install to complete it.`);
  const { name, version } = manifest;
  return { name, version, lockfileVersion: 3, requires: true, packages: { '': manifest, ...Object.fromEntries(kept) } };
}
