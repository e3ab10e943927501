import { createCipheriv, createHmac, randomBytes, scryptSync } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { runToEnd } from '../product.ts';
import { type CanaryWorld, chat, ofPlatform } from './canary-world.ts';

const TENANT = 'legacy-tenant';

/** Keys that an earlier system has encrypted: adopted, in use, migrated, and handed over wrongly. */
export async function adoptAndMigrate(world: CanaryWorld): Promise<void> {
  const { canaries } = world;
  await world.ok({ method: 'POST', path: '/api/v1/tenants', token: world.platform, body: { id: TENANT, name: 'Legacy' } });
  const admin = (await world.makeToken(`/api/v1/tenants/${TENANT}/tokens`, world.platform, 'tenant-admin')).text;
  const made = await world.ok({ method: 'POST', path: `/api/v1/tenants/${TENANT}/gateway-keys`, token: admin, body: { name: 'application' }, shows: 'key' });
  const gatewayKey = canaries.token('gateway key of legacy keys', String(made.body['key']));
  const at = (service: string, operation: string): { readonly method: string; readonly path: string; readonly token: string } => ({
    method: 'POST',
    path: `/api/v1/tenants/${TENANT}/credentials/${service}/${operation}`,
    token: world.platform,
  });
  const ofThePlatform = (operation: string): { readonly method: string; readonly path: string; readonly token: string } => ({ ...at('', ''), path: `${ofPlatform}/credentials/perplexity/${operation}` });
  const cipher = (place: string): Readonly<Record<string, string>> => ({ legacyValue: canaries.text(`${place}, encrypted`, encrypted(world.legacyPassphrase, canaries.mint(place))), encryption: 'cipher' });
  const openai = cipher('legacy-cipher');
  const groq = { legacyValue: canaries.text('legacy-fernet, encrypted', fernetToken(world.fernetKey, canaries.mint('legacy-fernet'))), encryption: 'fernet' };
  await world.statuses([
    [200, { ...at('openai', 'adopt/preview'), body: openai }],
    [201, { ...at('openai', 'adopt'), body: openai }],
    [200, { ...at('openai', 'adopt'), body: openai }],
    [201, { ...at('groq', 'adopt'), body: groq }],
    [200, { ...chat('gpt-local'), token: gatewayKey }],
    [200, { ...chat('groq/local'), token: gatewayKey }],
    [409, { ...at('openai', 'adopt'), body: cipher('legacy-another') }],
    [400, { ...at('mistral', 'adopt'), body: { legacyValue: canaries.mint('legacy-in-the-clear'), encryption: 'cipher' } }],
    [400, { ...at('mistral', 'adopt'), body: { legacyValue: canaries.mint('legacy-without-a-form') } }],
    [400, { ...at('mistral', 'adopt'), body: { inStore: 'sealed', place: canaries.mint('legacy-place') } }],
    [400, { ...at('mistral', 'adopt'), body: { ...cipher('legacy-settings'), settings: { endpoint: canaries.mint('legacy-endpoint') } } }],
    [500, { ...at('mistral', 'adopt'), body: { ...groq, legacyValue: fernetToken(randomBytes(32).toString('base64url'), canaries.mint('legacy-other-key')) } }],
    [400, { ...ofThePlatform('adopt'), body: { legacyValue: canaries.mint('legacy-of-the-platform'), encryption: 'cipher' } }],
    [200, { ...ofThePlatform('adopt/preview'), body: cipher('legacy-platform-preview') }],
    [201, { ...ofThePlatform('adopt'), body: cipher('legacy-platform') }],
    [200, { ...ofThePlatform('migrate/preview') }],
    [200, { ...ofThePlatform('migrate') }],
    [404, { method: 'GET', path: '/api/v1/stores/vault/secrets', token: world.platform }],
    [200, { method: 'GET', path: '/api/v1/stores/sealed/secrets', token: world.platform }],
    [200, { ...at('openai', 'migrate/preview') }],
    [200, { ...at('openai', 'migrate') }],
    [200, { ...chat('gpt-local'), token: gatewayKey }],
  ]);
  expect(world.provider.requests.some(({ key }) => key.startsWith('canary-key-legacy-cipher-'))).toBe(true);
  expect(world.provider.requests.some(({ key }) => key.startsWith('canary-key-legacy-fernet-'))).toBe(true);
  await onTheCommandLine(world, cipher('legacy-document')['legacyValue'] ?? '');
  await world.look('with keys that an earlier system had encrypted');
}

async function onTheCommandLine(world: CanaryWorld, document: string): Promise<void> {
  const [documents, report, token] = ['documents.json', 'adoption-report.json', 'platform-token'].map((name) => join(world.dataDir, name)) as [string, string, string];
  await writeFile(token, world.platform, { mode: 0o600 });
  await writeFile(
    documents,
    JSON.stringify([
      { tenantId: TENANT, provider: 'openrouter', encryptedApiKey: document },
      { tenantId: TENANT, provider: 'mistral', encryptedApiKey: world.canaries.mint('legacy-document-in-the-clear') },
      { tenantId: TENANT, provider: 'xai', encryptedApiKey: `ai-provider-${world.canaries.mintPlain('legacy-document-like-a-name')}` },
      { tenantId: TENANT, provider: 'cohere', encryptedApiKey: [world.canaries.mint('legacy-document-in-a-list')] },
    ]),
  );
  const env = { KEYHOLD_LOG_LEVEL: 'debug', KEYHOLD_URL: world.product.url, KEYHOLD_ADMIN_TOKEN: '' };
  for (const args of [['adopt', 'file', documents, '--dry-run'], ['adopt', 'file', documents, '--report', report], ['migrate', 'legacy']]) {
    const { code, output } = await runToEnd({ dataDir: world.dataDir, args: [...args, '--token-file', token], env });
    expect([args[0], code]).toEqual([args[0], args[0] === 'adopt' ? 1 : 0]);
    world.evidence.add(`output of keyhold ${args.join(' ')}`, output);
  }
  world.evidence.add('the report of keyhold adopt', await readFile(report));
  await writeFile(documents, `{"encryptedApiKey": "${world.canaries.mint('legacy-document-cut')}`);
  world.evidence.add('output of keyhold adopt of a torn file', (await runToEnd({ dataDir: world.dataDir, args: ['adopt', 'file', documents, '--token-file', token], env })).output);
}

/** As the settings of the canary world say: AES-256-GCM, scrypt and hex. */
function encrypted(passphrase: string, text: string): string {
  const [iv, salt] = [randomBytes(12), randomBytes(16)];
  const cipher = createCipheriv('aes-256-gcm', scryptSync(passphrase, salt, 32), iv);
  const sealed = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
  return [iv, salt, sealed].map((part) => part.toString('hex')).join(':');
}

function fernetToken(key: string, text: string): string {
  const [secret, iv] = [Buffer.from(key, 'base64url'), randomBytes(16)];
  const cipher = createCipheriv('aes-128-cbc', secret.subarray(16), iv);
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(1_700_000_000n);
  const signed = Buffer.concat([Buffer.from([0x80]), time, iv, cipher.update(text), cipher.final()]);
  const token = Buffer.concat([signed, createHmac('sha256', secret.subarray(0, 16)).update(signed).digest()]).toString('base64url');
  return token.padEnd(Math.ceil(token.length / 4) * 4, '=');
}
