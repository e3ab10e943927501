import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SecretValue } from '../../ports/secret-value.ts';
import { openPassphrase } from './passphrase.ts';

const context = Buffer.from('context');
const root = Buffer.alloc(32, 9);

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyhold-passphrase-'));
  file = join(folder, 'keyhold.key.passphrase');
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const open = (text: string, mayCreate = true) => openPassphrase({ passphrase: new SecretValue(text), file, mayCreate, random: randomBytes });

function refusal(...parts: readonly string[]): unknown {
  return expect.objectContaining({ name: 'StartError', exitCode: 6, message: expect.toSatisfy((message: string) => parts.every((part) => message.includes(part))) });
}

describe('R0.5: a passphrase', () => {
  it('has its salt and parameters in a private file, outside the database (RFC 9106: 64 MiB, t=3, p=4)', async () => {
    await (await open('test passphrase one')).wrap(root, context);
    const text = await readFile(file, 'utf8');
    expect(text).toMatch(/^\$argon2id\$v=19\$m=65536,t=3,p=4\$[A-Za-z0-9+/]{22}\n$/);
    expect(text).not.toContain('test passphrase');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('gets a salt of its own when it takes another one\'s place, and either opens what it wrapped', async () => {
    const [one, two] = [await open('test passphrase one'), await open('test passphrase two')];
    const before = await one.wrap(root, context);
    const after = await two.wrap(root, context);
    const lines = (await readFile(file, 'utf8')).trim().split('\n');
    expect(new Set(lines).size).toBe(2);
    expect((await one.unwrap(before, context)).equals(root)).toBe(true);
    expect((await two.unwrap(after, context)).equals(root)).toBe(true);
    await expect(one.unwrap(after, context)).rejects.toThrow(expect.objectContaining({ code: 'corrupt' }));
  });

  it('is the same however its letters are composed, as keyboards and systems differ in that', async () => {
    const [composed, decomposed] = ['test passphrase sch\u00f6n', 'test passphrase scho\u0308n'];
    const wrapped = await (await open(composed)).wrap(root, context);
    expect((await (await open(decomposed)).unwrap(wrapped, context)).equals(root)).toBe(true);
  });

  it('holds forty salts, and advises nothing then by which the one in use could be lost', async () => {
    const lines = Array.from({ length: 40 }, (_, index) => `$argon2id$v=19$m=65536,t=3,p=4$${Buffer.alloc(16, index).toString('base64').replace(/=+$/, '')}`);
    await writeFile(file, `${lines.join('\n')}\n`, { mode: 0o600 });
    await expect((await open('test passphrase one')).wrap(root, context)).rejects.toThrow(refusal('40 salts', 'Back the file up', 'put it back'));
    expect((await readFile(file, 'utf8')).trim().split('\n')).toEqual(lines);
  });

  it('S15 is not begun anew where something is wrapped under it, and says what is missing or wrong', async () => {
    await expect(open('test passphrase one', false)).rejects.toThrow(refusal(file, 'salt', 'backup'));
    for (const content of ['', 'salt', '$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA', '$argon2id$v=19$m=9999999,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA', '$argon2id$v=19$m=65536,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAB']) {
      await writeFile(file, `${content}\n`, { mode: 0o600 });
      await expect(open('test passphrase one'), content).rejects.toThrow(refusal(file, 'salt'));
    }
    await chmod(file, 0o644);
    await expect(open('test passphrase one')).rejects.toThrow(refusal('chmod 600'));
  });
});
