import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { documentsInFile } from './documents-file.ts';

const SECRET = 'sk-test-in-a-document-0001';
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyhold-documents-'));
});
afterAll(async () => rm(folder, { recursive: true }));

async function read(text: string): Promise<readonly unknown[]> {
  const file = join(folder, 'documents.json');
  await writeFile(file, text);
  return documentsInFile(file);
}

describe('R6.3: a file with documents', () => {
  it.each([
    ['a list', '[{"a":1},{"a":2}]'],
    ['under documents', '{"documents":[{"a":1},{"a":2}]}'],
    ['under items', '{"items":[{"a":1},{"a":2}],"count":2}'],
    ['one a line', '{"a":1}\n\n{"a":2}\r\n'],
  ])('is read: %s', async (_what, text) => {
    expect(await read(text)).toEqual([{ a: 1 }, { a: 2 }]);
  });

  it('may hold one document alone, or none', async () => {
    expect(await read('{"tenantId":"acme"}')).toEqual([{ tenantId: 'acme' }]);
    expect(await read('[]')).toEqual([]);
  });

  it.each(['', `{"a":"${SECRET}`, `[{"a":"${SECRET}"},`, `{"a":1}\n${SECRET}`, `"${SECRET}"`])('says what it is not, and quotes nothing of it', async (text) => {
    const error = await read(text).then(() => undefined, (thrown: unknown) => thrown);
    expect(error).toMatchObject({ exitCode: 2, message: expect.stringContaining('holds no documents') });
    expect(String(error)).not.toContain('sk-test');
  });

  it('is read with the mark that Windows puts at its start', async () => {
    expect(await read('\uFEFF[{"a":1}]')).toEqual([{ a: 1 }]);
  });

  it.each([
    ['{"tenantId":"acme","tenantId":"beta"}', 1],
    ['[\n{"a":{"b":1},"c":[{"b":2}]},\n{"a":1, "\\u0061" : 2}]', 3],
    ['{"a":1}\n{"a":"x\\"a\\":","b":"{","a":"y"}', 2],
    ['{"__proto__":1,"__proto__":2}', 1],
  ])('with one name twice in an object is refused, since parsers differ in what that says: %s', async (text, line) => {
    await expect(read(text)).rejects.toThrow(expect.objectContaining({ exitCode: 2, message: expect.stringContaining(`in line ${line}.`) }));
  });

  it('may have a name in several objects, and what looks like one in texts', async () => {
    const text = '[{"a":"a","b":["a","a"],"c":{"a":"\\\\","b":"\\"a\\":1"}},{"a":"{\\"a\\":1,"}]';
    expect(await read(text)).toEqual(JSON.parse(text));
  });

  it('is told from one that is not there', async () => {
    await expect(documentsInFile(join(folder, 'missing.json'))).rejects.toThrow('cannot be read');
  });
});
