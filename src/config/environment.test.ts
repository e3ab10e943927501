import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StartError } from '../ports/start-error.ts';
import { readDotenv, readEnvironment } from './environment.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyhold-dotenv-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('.env (R0.1)', () => {
  it('is read with comments, quotes and a byte order mark, and puts nothing into the real environment', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '\uFEFFKEYHOLD_LISTEN=127.0.0.1:1 # here\n# KEYHOLD_DATA_DIR=x\nexport KEYHOLD_STORE="sealed"\r\n');
    expect(readDotenv(file)).toEqual({ KEYHOLD_LISTEN: '127.0.0.1:1', KEYHOLD_STORE: 'sealed' });
    expect(readEnvironment().variables['KEYHOLD_LISTEN']).toBeUndefined();
  });

  it('may be missing', () => {
    expect(readDotenv(join(folder, 'missing'))).toEqual({});
  });

  it('that cannot be read refuses to start with 2', () => {
    mkdirSync(join(folder, 'folder'));
    expect(() => readDotenv(join(folder, 'folder'))).toThrow(expect.objectContaining({ exitCode: 2, message: expect.stringContaining('cannot be read') }));
    expect(() => readDotenv(join(folder, 'folder'))).toThrow(StartError);
  });
});
