import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SecretValue } from '../ports/secret-value.ts';
import { StartError } from '../ports/start-error.ts';
import { failureOf } from './failure.ts';
import { firstSteps, reachableUrl } from './first-steps.ts';
import { listenError } from './listen-error.ts';
import { stopRequests } from './stop-requests.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyhold-command-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the command line as a process of its own, in a folder without a `.env`. */
function keyhold(args: readonly string[], env: Record<string, string> = {}) {
  const main = fileURLToPath(new URL('../main.ts', import.meta.url));
  const { PATH = '' } = process.env;
  return spawnSync(process.execPath, ['--disable-sigusr1', '--report-exclude-env', main, ...args], { cwd: folder, env: { PATH, ...env }, encoding: 'utf8' });
}

describe('the command line (R0.1)', () => {
  it('prints version and help with 0', () => {
    expect(keyhold(['--version'])).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/u), stderr: '' });
    expect(keyhold(['--help'])).toMatchObject({ status: 0, stdout: expect.stringContaining('token'), stderr: '' });
    expect(keyhold(['token', '--help']).stdout).toContain('new-admin');
  });

  it('says what was meant by an unknown command, with 1', () => {
    const result = keyhold(['sreve']);
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toContain('Did you mean serve?');
    expect(keyhold([])).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('Usage') });
    expect(keyhold(['config', 'more']).status).toBe(1);
  });

  it('prints the values in force, secrets masked, and where each came from', () => {
    writeFileSync(join(folder, '.env'), 'KEYHOLD_LISTEN=127.0.0.1:9999\nKEYHOLD_ADMIN_TOKEN=admin-token-for-tests-0123456789\n');
    try {
      const { status, stdout, stderr } = keyhold(['config'], { KEYHOLD_LOG_LEVEL: 'debug', KEYHOLD_LISTNE: '1' });
      expect(status).toBe(0);
      expect(stdout).toMatch(/^KEYHOLD_LISTEN=127\.0\.0\.1:9999 +# \.env$/mu);
      expect(stdout).toMatch(/^KEYHOLD_ADMIN_TOKEN=\[set\] +# \.env$/mu);
      expect(stdout).toMatch(/^KEYHOLD_LOG_LEVEL=debug +# environment$/mu);
      expect(stdout).toMatch(/^NODE_ENV=production +# default$/mu);
      expect(stdout + stderr).not.toContain('admin-token-for-tests');
      expect(stderr).toContain('warning: KEYHOLD_LISTNE');
    } finally {
      rmSync(join(folder, '.env'));
    }
  });

  it('ends with 2 and every problem, without a stack, when the configuration cannot be used', () => {
    const { status, stdout, stderr } = keyhold(['serve'], { KEYHOLD_LISTEN: 'x', KEYHOLD_STORE: 'y' });
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain('KEYHOLD_LISTEN is "x"');
    expect(stderr).toContain('KEYHOLD_STORE is "y"');
    expect(stderr).not.toMatch(/^\s+at /mu);
  });

  it('refuses to serve under a debugger in production (S36)', () => {
    expect(keyhold(['serve'], { NODE_OPTIONS: '--inspect=127.0.0.1:0' })).toMatchObject({ status: 2, stderr: expect.stringContaining('--inspect (from NODE_OPTIONS) is refused in production') });
  });
});

describe('what a failed command says', () => {
  it('is the message of a start error with its exit status; the cause only for debugging', () => {
    const error = new StartError(5, 'The folder is in use.\u001B[2J\nStop the other process.', { cause: new Error('busy') });
    expect(failureOf(error, false)).toEqual({ exitCode: 5, text: 'keyhold: The folder is in use.\\u001b[2J\nStop the other process.\n' });
    expect(failureOf(error, true).text).toContain('Error: busy');
  });

  it('names KEYHOLD_LISTEN and how to find who holds the port, with 3', () => {
    const taken = Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE', syscall: 'listen', address: '::1', port: 8080 });
    expect(failureOf(taken, false)).toEqual({ exitCode: 3, text: expect.stringMatching(/\[::1\]:8080[^]*KEYHOLD_LISTEN[^]*lsof/u) });
    expect(listenError(Object.assign(new Error('x'), { code: 'EACCES', syscall: 'listen' }), { host: '0.0.0.0', port: 80 })).toMatchObject({ exitCode: 3, message: expect.stringContaining('0.0.0.0:80') });
    expect(listenError(Object.assign(new Error('x'), { code: 'EADDRNOTAVAIL', syscall: 'listen' }), { host: '10.9.8.7', port: 80 })?.message).toContain('no address 10.9.8.7');
    expect(listenError(Object.assign(new Error('x'), { code: 'ENOTFOUND', syscall: 'getaddrinfo' }), { host: 'nowhere', port: 80 })?.message).toContain('nowhere');
    expect(listenError(Object.assign(new Error('x'), { code: 'EACCES', syscall: 'open' }), { host: 'h', port: 1 })).toBeUndefined();
  });

  it('is 8 for a full disk and 1 for anything else, redacted, with a stack only for debugging', () => {
    expect(failureOf(Object.assign(new Error('x'), { code: 'ENOSPC' }), false).exitCode).toBe(8);
    const odd = new TypeError('broken near sk-test-0123456789abcdef');
    expect(failureOf(odd, false)).toEqual({ exitCode: 1, text: expect.not.stringMatching(/sk-test|\n\s+at /u) });
    expect(failureOf(odd, true).text).toMatch(/\n\s+at /u);
    expect(failureOf(undefined, true).exitCode).toBe(1);
  });
});

describe('what asks to stop', () => {
  function fakeProcess(options: { launched: boolean; connected: boolean }) {
    const listeners = new Map<string, () => void>();
    return {
      emit: (event: string) => listeners.get(event)?.(),
      target: {
        on: (event: string, listener: () => void) => listeners.set(event, listener),
        connected: options.connected,
        ...(options.launched ? { send: () => true } : {}),
      },
    };
  }

  it('is a signal; the same one again at once is Ctrl-C arriving twice, later it is impatience', async () => {
    let now = 0;
    const { target, emit } = fakeProcess({ launched: true, connected: true });
    const requests = stopRequests(target, () => now);
    let impatient: string | undefined;
    void requests.second.then((reason) => (impatient = reason));
    emit('SIGINT');
    emit('SIGINT');
    expect(await requests.first).toBe('SIGINT');
    emit('disconnect');
    now = 2_000;
    emit('disconnect');
    await Promise.resolve();
    expect(impatient).toBeUndefined();
    emit('SIGTERM');
    expect(await requests.second).toBe('SIGTERM');
  });

  it('is the death of the launcher, also before anybody listened', async () => {
    const { target, emit } = fakeProcess({ launched: true, connected: true });
    const requests = stopRequests(target, () => 0);
    emit('disconnect');
    expect(await requests.first).toBe('launcher');
    expect(await stopRequests(fakeProcess({ launched: true, connected: false }).target, () => 0).first).toBe('launcher');
  });
});

describe('the first steps', () => {
  it('use an address that this machine can reach', () => {
    expect(reachableUrl('0.0.0.0', 1, false)).toBe('http://127.0.0.1:1');
    expect(reachableUrl('::', 2, true)).toBe('https://[::1]:2');
    expect(reachableUrl('keyhold.internal', 3, false)).toBe('http://keyhold.internal:3');
  });

  it('show the token or name its file, quoted for the shell', () => {
    expect(firstSteps({ url: 'http://h:1', token: { show: new SecretValue('kh_t_shown') } })).toContain('admin=kh_t_shown');
    const text = firstSteps({ url: 'http://h:1', token: { file: '/srv/it\'s here/admin-token' } });
    expect(text).toContain(String.raw`admin=$(cat '/srv/it'\''s here/admin-token')`);
  });

  it('can be pasted into a shell: what curl is given is what was meant', () => {
    const file = join(folder, 'pasted token');
    writeFileSync(file, 'kh_t_from_file\n');
    const commands = firstSteps({ url: 'http://127.0.0.1:8080', token: { file } }).split('\n').filter((line) => line.startsWith('    ')).map((line) => line.trim());
    const pasted = commands.map((line) => (line.startsWith('read -rs') ? 'openai_key=sk-test-pasted' : line));
    const script = [
      'curl() { for a in "$@"; do printf "%s\\n" "$a" >&2; case "$a" in @-) printf "body: " >&2; cat >&2; printf "\\n" >&2;; esac; done; echo \'{"token": "kh_t_tenant", "key": "kh_g_gateway"}\'; }',
      ...pasted,
    ].join('\n');
    const { status, stderr } = spawnSync('bash', ['-eu', '-c', script], { encoding: 'utf8' });
    expect(status).toBe(0);
    const lines = stderr.split('\n');
    expect(lines).toContain('Authorization: Bearer kh_t_from_file');
    expect(lines).toContain('Authorization: Bearer kh_t_tenant');
    expect(lines).toContain('Authorization: Bearer kh_g_gateway');
    expect(lines).toContain('body: {"fields": {"api_key": "sk-test-pasted"}}');
    expect(lines).toContain('http://127.0.0.1:8080/v1/chat/completions');
    for (const body of lines.filter((line) => line.startsWith('{'))) expect(() => void JSON.parse(body)).not.toThrow();
  });
});
