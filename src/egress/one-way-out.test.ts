import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What opens connections, or looks names up; of Node's own modules everything that is not named as harmless below. */
const NETWORK = ['node:dgram', 'node:dns', 'node:dns/promises', 'node:http', 'node:http2', 'node:https', 'node:net', 'node:tls', 'undici', 'ws', 'pg', 'redis', '@redis/client', '@azure/cosmos', '@azure/identity', '@azure/keyvault-keys', '@azure/keyvault-secrets', '@azure/core-rest-pipeline', 'openid-client', 'nodemailer'];
const HARMLESS = new Set(['BlockList', 'STATUS_CODES', 'Server', 'TLSSocket', 'createSecureContext', 'createServer', 'RESP_TYPES', 'isIP', 'isIPv4', 'isIPv6']);

/**
 * Every file that goes out, and why it may (S33, docs/egress.md). `guarded`: others than the operator name the address, so what finds the host's addresses is
 * the module `egress`. `operator`: nobody else can name the address.
 */
const ways: Readonly<Record<string, 'guarded' | 'operator'>> = {
  'src/egress/egress.ts': 'guarded',
  // How connections are made, by whoever says where: with a way that looks addresses up, or asks whether a proxy may.
  'src/egress/connector.ts': 'guarded',
  'src/egress/way-agent.ts': 'guarded',
  // To a proxy, which an operator has named.
  'src/egress/tunnel.ts': 'operator',
  'src/gateway/upstream/upstream-pool.ts': 'guarded',
  'src/adapters/oidc/provider-answers.ts': 'guarded',
  // Tenants' vaults by the guarded way, the operator's by the other.
  'src/adapters/vault/vault-transport.ts': 'guarded',
  'src/adapters/audit-witness/http-witness.ts': 'operator',
  'src/adapters/keyhold-api/call-keyhold.ts': 'operator',
  // From the terminal of who signs in, never from a server: to the provider that the operator has named there, and where that says its endpoints are.
  'src/adapters/device-sign-in/provider-form.ts': 'operator',
  'src/adapters/key-wrapper/azure-key.ts': 'operator',
  'src/adapters/redis/redis-connection.ts': 'operator',
  'src/adapters/metadata-store/cosmos/cosmos-account.ts': 'operator',
  'src/adapters/metadata-store/cosmos/cosmos-way.ts': 'operator',
  'src/adapters/metadata-store/postgres/own-connection.ts': 'operator',
  'src/adapters/metadata-store/postgres/postgres-executor.ts': 'operator',
  'src/adapters/bus/postgres/postgres-transport.ts': 'operator',
  'src/adapters/adoption-sources/cosmos-documents.ts': 'operator',
  // Under tenants' vaults, too: their last step before the network is `guarded-way.ts`.
  'src/adapters/secret-store/azure-key-vault/vault-secrets.ts': 'operator',
  'src/adapters/azure/azure-credential.ts': 'operator',
};

/** Where a source text reaches for the network, in its own words. */
function reaches(text: string): readonly string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '');
  const found: string[] = [];
  for (const [, names = '', from = ''] of code.matchAll(/import\s+(?!type\b)([^;]*?)\s*from\s*'([^']+)'/g)) {
    if (!NETWORK.includes(from)) continue;
    const given = names.replace(/[{}]/g, '').split(',').map((name) => name.trim()).filter((name) => name !== '' && !name.startsWith('type '));
    found.push(...given.map((name) => name.split(' as ')[0] ?? '').filter((name) => !HARMLESS.has(name)).map((name) => `${name} of ${from}`));
  }
  for (const [, from = ''] of code.matchAll(/(?:import|require|getBuiltinModule)\(\s*'([^']+)'/g)) if (NETWORK.includes(from)) found.push(`import of ${from}`);
  for (const [word] of code.matchAll(/(?<![.#\w'"`-])(?:fetch\(|new WebSocket\b|new EventSource\b|XMLHttpRequest\b)|globalThis\.fetch|getBuiltinModule\(\s*[^']/g)) found.push(word);
  return found;
}

const sources = globSync(['src/**/*.ts', 'catalog/**/*.ts'], { cwd: root }).filter((file) => !file.endsWith('.test.ts'));
const outgoing = sources.filter((file) => reaches(readFileSync(root + file, 'utf8')).length > 0);

it('S33 there is one way out: nothing else opens a connection', () => {
  expect(sources.length).toBeGreaterThan(300);
  expect(outgoing.toSorted()).toEqual(Object.keys(ways).toSorted());
});

it('S33 what goes to addresses of others has its names looked up by the way out', () => {
  for (const [file, kind] of Object.entries(ways)) if (kind === 'guarded') expect(readFileSync(root + file, 'utf8'), file).toMatch(/lookup|connectorOf\(way,|connectorOf\(egress,/);
});

it('S33 every way to reach past it is seen', () => {
  const past = ['import { request } from \'node:https\';', 'import { connect as c, isIP } from \'node:net\';', 'import * as net from \'node:net\';', 'import dns from \'node:dns\';', 'const a = await fetch(url);', 'globalThis.fetch(url)', 'new WebSocket(url)', 'await import(\'undici\')', 'process.getBuiltinModule(name)', 'import {\n  Agent,\n  request,\n} from \'undici\';', 'return fetch(url)'];
  for (const text of past) expect([text, reaches(text).length > 0]).toEqual([text, true]);
  const harmless = ['import { isIP } from \'node:net\';', 'import type { Socket } from \'node:net\';', 'import { type Socket, createServer } from \'node:net\';', 'this.#fetch()', 'keys.fetch()', '// fetch(url)', '/* fetch( */', 'prefetch(x)'];
  for (const text of harmless) expect([text, reaches(text)]).toEqual([text, []]);
});
