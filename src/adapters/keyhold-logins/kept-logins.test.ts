import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeptLogins } from './kept-logins.ts';

let folder: string;
let logins: KeptLogins;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyhold-logins-'));
  logins = new KeptLogins(join(folder, 'config', 'keyhold', 'logins.json'));
});

afterEach(() => rmSync(folder, { recursive: true }));

const one = { url: 'https://one.example.com', token: 'kh_t_one' };
const two = { url: 'https://two.example.com', token: 'kh_t_two' };

describe('logins that are kept', () => {
  it('are for their user alone, one for each Keyhold, and leave nothing else behind', async () => {
    expect(logins.all()).toEqual([]);
    await logins.keep(one);
    await logins.keep(two);
    await logins.keep({ ...one, token: 'kh_t_newer' });
    expect(logins.all()).toEqual([two, { ...one, token: 'kh_t_newer' }]);
    expect(statSync(logins.file).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(logins.file)).mode & 0o777).toBe(0o700);
    expect(await logins.forget(two.url)).toEqual(two);
    expect(await logins.forget(two.url)).toBeUndefined();
    expect(logins.find(two.url)).toBeUndefined();
    expect(existsSync(`${logins.file}.lock`)).toBe(false);
    expect(readFileSync(logins.file, 'utf8')).not.toContain('kh_t_two');
  });

  it('are not used where others can read them, behind a link, or when they are something else', async () => {
    await logins.keep(one);
    for (const mode of [0o640, 0o604, 0o620]) {
      chmodSync(logins.file, mode);
      expect(() => logins.all()).toThrow(/by others.*chmod 600/);
      await expect(logins.keep(two)).rejects.toThrow('by others');
    }
    chmodSync(logins.file, 0o600);
    for (const text of ['', '[]', '{"logins":[{"url":1}]}']) {
      writeFileSync(logins.file, text);
      expect(() => logins.all()).toThrow('sign in again');
    }
    rmSync(logins.file);
    symlinkSync(join(folder, 'elsewhere'), logins.file);
    writeFileSync(join(folder, 'elsewhere'), '{"logins":[]}', { mode: 0o600 });
    expect(() => logins.all()).toThrow('is a link');
  });

  it('say what to do where nothing can be kept', async () => {
    writeFileSync(join(folder, 'config'), '');
    await expect(logins.keep(one)).rejects.toMatchObject({ exitCode: 4, message: expect.stringContaining('XDG_CONFIG_HOME') });
  });

  it('are changed by one command at a time; one that died is waited for no longer than a minute', async () => {
    await logins.keep(one);
    let inside = 0;
    const change = () =>
      logins.change(one.url, async (login) => {
        inside += 1;
        expect(inside).toBe(1);
        await new Promise((resolve) => setTimeout(resolve, 5));
        inside -= 1;
        return { ...login, token: `${login.token}+` };
      });
    await Promise.all([change(), change(), change()]);
    expect(logins.find(one.url)?.token).toBe('kh_t_one+++');
    writeFileSync(`${logins.file}.lock`, '');
    utimesSync(`${logins.file}.lock`, Date.now() / 1000 - 61, Date.now() / 1000 - 61);
    expect(await logins.change('https://unknown.example.com', async (login) => login)).toBeUndefined();
  });
});
