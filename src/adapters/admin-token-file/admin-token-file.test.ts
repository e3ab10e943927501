import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mintToken } from '../../core/access/token-text.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import { createAdminTokenFile } from './admin-token-file.ts';

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyhold-admin-token-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

describe('admin-token (S28)', () => {
  it('holds the token and a newline, for its owner alone', async () => {
    const file = createAdminTokenFile(folder);
    await file.keep(new SecretValue('kh_t_example'));
    expect(file.path).toBe(join(folder, 'admin-token'));
    expect(await readFile(file.path, 'utf8')).toBe('kh_t_example\n');
    expect((await stat(file.path)).mode & 0o777).toBe(0o600);
  });

  it('is made anew when one is left over, whatever its mode was', async () => {
    const file = createAdminTokenFile(folder);
    await writeFile(file.path, 'old\n', { mode: 0o644 });
    await file.keep(new SecretValue('new'));
    expect(await readFile(file.path, 'utf8')).toBe('new\n');
    expect((await stat(file.path)).mode & 0o777).toBe(0o600);
  });

  it('never writes through a link that somebody put there', async () => {
    const target = join(folder, 'elsewhere');
    await writeFile(target, 'untouched');
    const file = createAdminTokenFile(folder);
    await symlink(target, file.path);
    await file.keep(new SecretValue('token'));
    expect(await readFile(target, 'utf8')).toBe('untouched');
    expect(await readFile(file.path, 'utf8')).toBe('token\n');
  });

  it('goes when its token is discarded; a second time is fine, and another token stays', async () => {
    const file = createAdminTokenFile(folder);
    const { id, text } = mintToken('t', randomBytes);
    await file.keep(text);
    await file.discard(mintToken('t', randomBytes).id);
    expect((await readFile(file.path, 'utf8')).trim()).toBe(text.reveal());
    await file.discard(id);
    await expect(stat(file.path)).rejects.toMatchObject({ code: 'ENOENT' });
    await file.discard(id);
  });

  it('says what to do when it cannot be written, without the token', async () => {
    const file = createAdminTokenFile(join(folder, 'missing'));
    const error = await file.keep(new SecretValue('kh_t_example')).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: 'StartError', exitCode: 4 });
    expect(String(error)).toContain('data folder is writable');
    expect(String(error)).not.toContain('kh_t_example');
  });
});
