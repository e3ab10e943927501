import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterEach, expect, test } from 'vitest';

const program = `
  import { EnvironmentCredential } from '@azure/identity';
  import { SecretClient } from '@azure/keyvault-secrets';
  const client = new SecretClient(process.env.AZURE_KEY_VAULT_URL, new EnvironmentCredential({ disableInstanceDiscovery: true }), { disableChallengeResourceVerification: true });
  await client.setSecret('alone', 'not a real value');
  console.log((await client.getSecret('alone')).name);
`;

let server: ChildProcess | undefined;

afterEach(() => server?.kill('SIGKILL'));

test('started alone, the server says what to export, serves another process so, and ends at Ctrl-C', async () => {
  const started = spawn(process.execPath, ['test/support/servers/azure/alone.ts'], { stdio: ['ignore', 'pipe', 'ignore'] });
  server = started;
  const env: Record<string, string> = { PATH: process.env['PATH'] ?? '' };
  for await (const line of createInterface(started.stdout)) {
    const [, name, value] = /^export (\w+)=(\S+)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) env[name] = value;
    else if (env['AZURE_KEY_VAULT_URL'] !== undefined) break;
  }
  expect(Object.keys(env).sort((a, b) => a.localeCompare(b))).toEqual(['AZURE_AUTHORITY_HOST', 'AZURE_CLIENT_ID', 'AZURE_CLIENT_SECRET', 'AZURE_KEY_VAULT_URL', 'AZURE_TENANT_ID', 'KEYHOLD_AZURE_DISCONNECTED', 'NODE_EXTRA_CA_CERTS', 'PATH']);
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], { env, timeout: 50_000 });
  expect(stdout).toBe('alone\n');
  const ended = once(started, 'exit');
  started.kill('SIGINT');
  expect(await ended).toEqual([0, null]);
});
