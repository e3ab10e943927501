import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startControlPlane, type TestControlPlane } from '../../../test/support/control-plane.ts';
import { TestAuthority } from '../../../test/support/servers/test-authority.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import { runningKeyhold } from '../running-keyhold.ts';
import { logIn } from './log-in.ts';
import { logOut } from './log-out.ts';

let plane: TestControlPlane;
let token: string;
let other: Server;
let secured: SecureServer;
let folder: string;

beforeAll(async () => {
  plane = await startControlPlane();
  token = await plane.token('platform-auditor');
  // Some other program, which writes down whatever it is told.
  other = createServer((request, response) => {
    if (request.url?.startsWith('/moved') === true) response.writeHead(302, { location: '/' });
    response.end(JSON.stringify({ told: request.headers.authorization }));
  }).listen(0, '127.0.0.1');
  secured = createSecureServer(new TestAuthority('CA that nobody knows').issue({ purpose: 'server', name: '127.0.0.1', addresses: [[127, 0, 0, 1]] })).listen(0, '127.0.0.1');
});

afterAll(async () => {
  other.close();
  secured.close();
  await plane.close();
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyhold-login-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function client(change: { readonly url?: string | null; readonly token?: SecretValue } = {}) {
  return { url: `http://127.0.0.1:${plane.port}`, token: null, loginsFile: join(folder, 'keyhold', 'logins.json'), ...change };
}

async function told(work: (terminal: { out(text: string): void; error(text: string): void; isTerminal: boolean }) => Promise<void>) {
  const said: string[] = [];
  const say = (text: string): void => void said.push(text);
  await work({ out: say, error: say, isTerminal: false });
  return said.join('');
}

const logInWith = (text: string, of = client(), options = {}) => told((terminal) => logIn(of, options, new PassThrough().end(`${text}\n`), terminal));

describe('keyhold login and logout', () => {
  it('keep a token that is right for the commands that ask a Keyhold, say whose it is and never what it is, and forget it', async () => {
    const said = await logInWith(token);
    expect(said).toContain('platform-auditor');
    expect(said).not.toContain(token);
    const { loginsFile } = client();
    expect(statSync(loginsFile).mode & 0o777).toBe(0o600);
    expect((await runningKeyhold(client(), {}))?.token.reveal()).toBe(token);
    // What is said for one command comes first.
    expect((await runningKeyhold(client({ token: new SecretValue('kh_t_variable') }), {}))?.token.reveal()).toBe('kh_t_variable');
    expect(await runningKeyhold(client({ url: null }), {})).toBeUndefined();
    await expect(runningKeyhold(client(), { url: 'https://elsewhere.example.com' })).rejects.toThrow('keyhold login');
    expect(await told((terminal) => logOut(client({ url: null }), {}, terminal))).toContain('Signed out');
    expect(readFileSync(loginsFile, 'utf8')).not.toContain(token);
    await expect(runningKeyhold(client(), {})).rejects.toMatchObject({ exitCode: 2 });
    expect(await told((terminal) => logOut(client(), {}, terminal))).toContain('Nothing was kept');
  });

  it('keep nothing that is refused, and show no token to what is not Keyhold', async () => {
    await expect(logInWith('kh_t_unknown')).rejects.toThrow(/does not know this token.*Nothing was kept/);
    await expect(logInWith('with space')).rejects.toThrow('no token');
    const elsewhere = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    await expect(logInWith(token, client({ url: elsewhere }))).rejects.toThrow('not as Keyhold does');
    await expect(logInWith(token, client({ url: 'http://127.0.0.1:9' }))).rejects.toThrow(/did not answer.*KEYHOLD_URL/);
    await expect(logInWith(token, client({ url: `${elsewhere}/moved` }))).rejects.toThrow(/somewhere else.*not followed/);
    await expect(logInWith(token, client({ url: elsewhere.replace('http:', 'https:') }))).rejects.toThrow('does not speak https');
    await expect(logInWith(token, client({ url: `https://127.0.0.1:${(secured.address() as AddressInfo).port}` }))).rejects.toThrow(/does not trust.*NODE_EXTRA_CA_CERTS/);
    await expect(logInWith(token, client({ url: null }))).rejects.toThrow('--url');
    await expect(logInWith(token, client(), { url: 'http://keyhold.example.com' })).rejects.toThrow('unencrypted');
    await expect(logInWith(token, { ...client(), loginsFile: null } as never)).rejects.toThrow('XDG_CONFIG_HOME');
    await expect(runningKeyhold(client(), {})).rejects.toThrow('keyhold login');
  });

  it('say when a variable comes before what was kept, and when others could have read it', async () => {
    expect(await logInWith(token, client({ token: new SecretValue('kh_t_variable') }))).toContain('KEYHOLD_TOKEN is set');
    chmodSync(client().loginsFile, 0o644);
    await expect(runningKeyhold(client(), {})).rejects.toMatchObject({ exitCode: 4 });
    await expect(logInWith(token)).rejects.toThrow('by others');
  });
});
