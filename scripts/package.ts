import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lockForInstalling, manifestForInstalling } from './package-manifest.ts';

/*
 * Makes dist/keyhold-<version>.tgz: compiled, since Node does not strip types under node_modules; with its libraries in it, checked
 * against the lock, since npm resolves those of a tarball anew, whatever lock lies in it; with a launcher that starts its own Node.
 * `node scripts/package.ts [folder]` puts the tarball, and the staging folder it is made in, elsewhere.
 */

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = process.argv[2] ?? join(root, 'dist');
const staging = join(target, 'package');
const COPIED = ['bin/keyhold.cjs', 'catalog/prices.json', '.env.example', 'README.md', 'SECURITY.md', 'LICENSE'];

rmSync(staging, { recursive: true, force: true });
mkdirSync(staging, { recursive: true });
execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '--project', join(root, 'tsconfig.build.json'), '--outDir', staging], { stdio: 'inherit' });

for (const file of COPIED) {
  if (existsSync(join(root, file))) cpSync(join(root, file), join(staging, file), { recursive: true });
  else throw new Error(`${file} is missing and belongs in the package.`);
}

const manifest = manifestForInstalling(readJson('package.json'));
writeJson('package.json', manifest);
writeJson('package-lock.json', lockForInstalling(readJson('package-lock.json'), manifest));
npm('ci', '--omit=optional', '--prefer-offline', '--no-audit', '--no-fund');
npm('pack', '--pack-destination', target);

/** Nothing is run that a package brings along (S37). */
function npm(...args: readonly string[]): void {
  execFileSync('npm', [...args, '--ignore-scripts'], { cwd: staging, stdio: 'inherit' });
}

function readJson(name: string): unknown {
  return JSON.parse(readFileSync(join(root, name), 'utf8'));
}

function writeJson(name: string, value: unknown): void {
  writeFileSync(join(staging, name), `${JSON.stringify(value, null, 2)}\n`);
}
