import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lockForInstalling, manifestForInstalling } from './package-manifest.ts';

/*
 * Makes dist/keyhold-<version>.tgz: compiled, since Node does not strip types under node_modules; with a lock of its own, so that an
 * installed Keyhold has the dependencies that were tested; with a launcher that starts its own Node. `node scripts/package.ts [folder]`
 * puts the tarball, and the staging folder it is made in, elsewhere.
 */

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = process.argv[2] ?? join(root, 'dist');
const staging = join(target, 'package');
const COPIED = ['bin/keyhold.cjs', '.env.example', 'README.md', 'SECURITY.md', 'LICENSE'];

rmSync(staging, { recursive: true, force: true });
mkdirSync(staging, { recursive: true });
execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '--project', join(root, 'tsconfig.build.json'), '--outDir', staging], { stdio: 'inherit' });

for (const file of COPIED) {
  if (existsSync(join(root, file))) cpSync(join(root, file), join(staging, file), { recursive: true });
  else throw new Error(`${file} is missing and belongs in the package.`);
}

const manifest = manifestForInstalling(readJson('package.json'));
writeJson('package.json', manifest);
writeJson('npm-shrinkwrap.json', lockForInstalling(readJson('package-lock.json'), manifest));
// `--ignore-scripts` is what .npmrc says too; a package that is only copied runs nothing.
execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', target], { cwd: staging, stdio: 'inherit' });

function readJson(name: string): unknown {
  return JSON.parse(readFileSync(join(root, name), 'utf8'));
}

function writeJson(name: string, value: unknown): void {
  writeFileSync(join(staging, name), `${JSON.stringify(value, null, 2)}\n`);
}
