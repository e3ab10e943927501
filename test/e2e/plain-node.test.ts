import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/* Test runners accept code that Node does not. What runs here runs as users run it: plain Node, in a copy of what is committed. */

const root = fileURLToPath(new URL('../..', import.meta.url));
let copy: string;
beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'keyhold-plain-'));
  for (const name of ['src', 'catalog', 'package.json']) cpSync(join(root, name), join(copy, name), { recursive: true, filter: (source) => !source.endsWith('.test.ts') });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
});
afterAll(() => rmSync(copy, { recursive: true, force: true }));

function plainNode(...args: readonly string[]) {
  const { PATH = '' } = process.env;
  return spawnSync(process.execPath, args, { cwd: copy, env: { PATH }, encoding: 'utf8' });
}

describe('plain Node', () => {
  it('runs src/main.ts from a clean copy', () => {
    expect(plainNode('src/main.ts', '--version')).toMatchObject({ status: 0, stderr: '', stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/u) as unknown });
    expect(plainNode('src/main.ts', 'config')).toMatchObject({ status: 0, stdout: expect.stringContaining('KEYHOLD_DATA_DIR=') as unknown });
  });

  it('takes every file of the product', () => {
    const files = ['src', 'catalog'].flatMap((folder) => readdirSync(join(copy, folder), { recursive: true, encoding: 'utf8' }).map((file) => `./${join(folder, file)}`));
    // Main runs a command, and workers wait for a parent; both are run elsewhere.
    const modules = files.filter((file) => file.endsWith('.ts') && !file.endsWith('.worker.ts') && file !== './src/main.ts');
    expect(modules.length).toBeGreaterThan(50);
    const program = `for (const file of ${JSON.stringify(modules)}) await import(file);`;
    expect(plainNode('--input-type=module', '--eval', program)).toMatchObject({ status: 0, stderr: '' });
  });
});
