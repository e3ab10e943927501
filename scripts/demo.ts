import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProviderServer } from '../test/support/servers/provider-server.ts';

/*
 * The whole story on this machine alone, without any account: a local provider stands in for the real one, and Keyhold runs as a
 * process of its own on a folder that is removed afterwards.
 */

const providerKey = `demo-provider-key-${randomBytes(6).toString('hex')}`;
const adminToken = `demo-administrator-${randomBytes(16).toString('hex')}`;
const folder = await mkdtemp(join(tmpdir(), 'keyhold-demo-'));
const provider = await startProviderServer({ keys: [providerKey] });
const keyhold = startKeyhold();
let steps = 0;
try {
  await play(await listeningOn(keyhold));
} finally {
  await stop(keyhold);
  await provider.close();
  await rm(folder, { recursive: true, force: true });
}

async function play(url: string): Promise<void> {
  const platform = caller(url, adminToken);
  step(`Keyhold runs at ${url}. A local provider at ${provider.url} stands in for OpenAI; it takes one key only.`);

  step('The operator makes a tenant, and the tenant\'s first administrator. From here on the tenant is on its own.');
  const tenant = await platform('POST', '/api/v1/tenants', { id: 'acme', name: 'Acme' });
  show({ id: tenant['id'], state: tenant['state'] });
  const { token } = await platform('POST', '/api/v1/tenants/acme/tokens', { name: 'first administrator', role: 'tenant-admin' });
  const admin = caller(url, String(token));

  step('The tenant hands over its provider key. It is sealed; what comes back shows where it is and a hint, never the value.');
  const credential = await admin('PUT', '/api/v1/tenants/acme/credentials/openai', { fields: { api_key: providerKey } });
  show({ service: credential['service'], state: credential['state'], storedIn: credential['storedIn'], hints: credential['hints'], version: credential['version'] });

  step('It makes a gateway key for its application: revocable, and of no use anywhere else.');
  const { key, id } = await admin('POST', '/api/v1/tenants/acme/gateway-keys', { name: 'application' });
  show({ id, key: `${String(key).slice(0, 9)}… (shown once)` });

  step('The application calls the provider through Keyhold. The base URL and the key are all that changes in its code.');
  const plain = await chat(url, String(key), false);
  show({ status: plain.status, answer: plain.text, 'x-keyhold-key-source': plain.source });

  step('The same, streamed: the words pass as they come.');
  const streamed = await chat(url, String(key), true);
  show({ status: streamed.status, chunks: streamed.chunks, answer: streamed.text });

  step(`The provider saw the tenant's own key ${provider.requests.filter((request) => request.key === providerKey).length} times, and the gateway key ${provider.requests.filter((request) => request.key === key).length} times.`);

  step('What was used is accounted to the tenant. Prices are not known here, so the cost is unknown, which is not the same as 0.');
  const usage = await admin('GET', '/api/v1/tenants/acme/usage?groupBy=service,model');
  show(usage['totals']);

  step('Who touched the key is in the audit log: each operation with its intent and its outcome, newest first.');
  const audit = await admin('GET', '/api/v1/tenants/acme/audit?limit=6');
  for (const row of rowsOf(audit)) say(`   ${String(row['phase']).padEnd(7)} ${String(row['action']).padEnd(18)} ${(typeof row['outcome'] === 'string' ? row['outcome'] : '').padEnd(4)} ${String(row['resource'])}`);

  step('The tenant revokes the key. It is out of use with this answer, and its sealed value is destroyed.');
  const revoked = await admin('POST', '/api/v1/tenants/acme/credentials/openai/revoke', { reason: 'the demo is over' });
  show({ state: revoked['state'], revokedAt: revoked['revokedAt'] });

  step('The next request is refused before it reaches the provider, and says why.');
  const refused = await chat(url, String(key), false);
  show({ status: refused.status, answer: refused.text });
  say('\nThat was all of it. `npm start` runs Keyhold for real; the README goes on from there.');
}

type Caller = (method: string, path: string, body?: unknown) => Promise<Record<string, unknown>>;

function caller(url: string, token: string): Caller {
  return async (method, path, body) => {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = objectOf(JSON.parse(await response.text()));
    if (!response.ok) throw new Error(`${method} ${path} was answered with ${response.status}: ${JSON.stringify(answer)}`);
    return answer;
  };
}

async function chat(url: string, key: string, stream: boolean): Promise<{ status: number; text: string; chunks: number; source: string | null }> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-4o-mini', stream, messages: [{ role: 'user', content: 'Is my key safe?' }] }),
  });
  const body = await response.text();
  const { status } = response;
  const source = response.headers.get('x-keyhold-key-source');
  if (!response.ok) return { status, text: String(objectOf(objectOf(JSON.parse(body))['error'])['message']), chunks: 0, source };
  if (!stream) return { status, text: String(objectOf(firstChoice(JSON.parse(body))['message'])['content']), chunks: 1, source };
  const events = body.split('\n\n').filter((event) => event.startsWith('data: {'));
  const words = events.map((event) => objectOf(firstChoice(JSON.parse(event.slice('data: '.length)))['delta'])['content']);
  return { status, text: words.filter((word) => typeof word === 'string').join(''), chunks: events.length, source };
}

function firstChoice(answer: unknown): Record<string, unknown> {
  const { choices } = objectOf(answer);
  return Array.isArray(choices) ? objectOf(choices[0]) : {};
}

function rowsOf(page: Record<string, unknown>): Record<string, unknown>[] {
  return Array.isArray(page['items']) ? page['items'].map(objectOf) : [];
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function startKeyhold(): ChildProcess {
  return spawn(process.execPath, ['--disable-sigusr1', '--report-exclude-env', join(import.meta.dirname, '..', 'src', 'main.ts'), 'serve'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      NODE_ENV: 'development',
      KEYHOLD_LISTEN: '127.0.0.1:0',
      KEYHOLD_DATA_DIR: join(folder, 'data'),
      KEYHOLD_ADMIN_TOKEN: adminToken,
      KEYHOLD_SERVICE_BASE_URL_OPENAI: provider.openAiUrl,
    },
  });
}

/** Waits for the log line that says so. */
async function listeningOn(child: ChildProcess): Promise<string> {
  let output = '';
  return new Promise((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const address = /"event":"ready".*?"address":"([^"]+)"/.exec(output)?.[1];
      if (address !== undefined) resolve(`http://${address}`);
    });
    child.once('close', (code) => reject(new Error(`Keyhold ended with ${code}:\n${output}`)));
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGTERM');
  await ended;
}

function step(text: string): void {
  steps += 1;
  say(`\n${steps}. ${text}`);
}

function show(value: unknown): void {
  say(`   ${JSON.stringify(value)}`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
