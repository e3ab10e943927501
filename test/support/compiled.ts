import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import type { TestProject } from 'vitest/node';
import { filesOfRun } from './servers/run-files.ts';

const root = join(import.meta.dirname, '..', '..');
const VARIABLE = 'KEYHOLD_TEST_COMPILED';
/** Beside the libraries, which are found from there. */
const cache = join(root, 'node_modules', '.cache');
/** Compiling takes as long as some ten starts gain by it. */
const WORTH_IT = 30;

/**
 * Before the first test of a run of many: compiles Keyhold, since a process that reads JavaScript starts in two thirds of the time, and some hundreds
 * are started. What an installation runs is compiled in the same way; `plain-node.test.ts` runs the source.
 */
export function setup(project: TestProject): () => void {
  if (filesOfRun(project).filter((file) => file.startsWith(join(root, 'test'))).length < WORTH_IT) return () => undefined;
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'keyhold-compiled-'));
  execFileSync(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '--project', join(root, 'tsconfig.test.json'), '--outDir', folder], { stdio: 'inherit' });
  // What is read beside the program.
  for (const data of ['package.json', join('catalog', 'prices.json')]) cpSync(join(root, data), join(folder, data));
  process.env[VARIABLE] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}

/** What to start in place of a program of this project: itself, or what it was compiled to. */
export function compiled(program: string): string {
  const place = process.env[VARIABLE];
  const within = relative(root, program);
  if (place === undefined || isAbsolute(within) || within.startsWith('..')) return program;
  return join(place, within.replace(/\.ts$/, '.js'));
}
