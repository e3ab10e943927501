import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { runToEnd, startTorn } from '../product.ts';
import type { CanaryWorld } from './canary-world.ts';

/** Starts with secrets where they are wrong, `keyhold config`, and starts that are killed. */
export async function failToStart(world: CanaryWorld): Promise<void> {
  const url = `https://user:${world.canaries.mintPlain('base-url')}@llm.example.com/v1`;
  const bad: readonly Readonly<Record<string, string>>[] = [
    { KEYHOLD_ADMIN_TOKEN: world.canaries.mint('admin-token-with-a-space').replace('canary-key', 'canary key') },
    { KEYHOLD_ADMIN_TOKEN: world.canaries.mint('admin-token-beside-a-file'), KEYHOLD_ADMIN_TOKEN_FILE: join(world.dataDir, 'nowhere') },
    { KEYHOLD_SERVICE_BASE_URL_OPENAI: url },
    { KEYHOLD_SERVICE_BASE_URL_OPENIA: url },
    { KEYHOLD_DATABASE_URL: `postgres://user:${world.canaries.mintPlain('database-url')}@localhost/keyhold` },
    { KEYHOLD_STORE: 'vault', VAULT_TOKEN: world.canaries.mint('vault-token') },
    { KEYHOLD_DATABASE_URL: `sqlite:/elsewhere/${world.canaries.mintPlain('database-file')}?key=${world.canaries.mintPlain('database-key')}` },
    { KEYHOLD_LEGACY_KEY: `${world.canaries.mint('legacy-key-of-two-lines')}\nx` },
    { KEYHOLD_FERNET_KEYS: `${world.fernetKey},${world.canaries.mintPlain('fernet-key-that-is-none')}` },
    { KEYHOLD_KEY_FILE: join(world.dataDir, 'wrong-key-file') },
  ];
  await writeFile(join(world.dataDir, 'wrong-key-file'), world.canaries.mint('damaged-key-file'), { mode: 0o600 });
  for (const env of bad) {
    const { code, output } = await runToEnd({ dataDir: world.dataDir, env: { ...env, KEYHOLD_LOG_LEVEL: 'debug' } });
    expect({ env: Object.keys(env), code }).toMatchObject({ code: expectedCode(env) });
    world.evidence.add(`failed start with ${Object.keys(env).join(', ')}`, output);
  }

  await writeFile(join(world.dataDir, '.env'), `KEYHOLD_ADMIN_TOKEN=${world.canaries.mintPlain('admin-token-in-dotenv')}\nKEYHOLD_API_KEY=${world.canaries.mintPlain('unknown-variable')}\n`);
  await writeFile(join(world.dataDir, 'secret'), `${world.canaries.mint('admin-token-in-a-file')}\n`);
  const shown: readonly Readonly<Record<string, string>>[] = [
    { KEYHOLD_ADMIN_TOKEN: world.canaries.mint('admin-token-in-the-environment'), KEYHOLD_DATABASE_URL: 'sqlite:other.db', KEYHOLD_LEGACY_KEY: world.legacyPassphrase, KEYHOLD_FERNET_KEYS: world.fernetKey },
    { KEYHOLD_ADMIN_TOKEN_FILE: join(world.dataDir, 'secret'), KEYHOLD_ADMIN_TOKEN: '' },
  ];
  for (const env of shown) {
    const { code, output } = await runToEnd({ dataDir: world.dataDir, args: ['config'], env });
    expect(code).toBe(0);
    world.evidence.add('keyhold config', output);
  }
  await rm(join(world.dataDir, '.env'));
  world.evidence.add('an unknown command', (await runToEnd({ dataDir: world.dataDir, args: ['serve', '--token', world.canaries.mintPlain('option')] })).output.replaceAll(/--token.*/g, ''));
  for (const afterMs of [150, 400, 700]) {
    world.evidence.add(`torn start after ${afterMs} ms`, (await startTorn({ dataDir: world.dataDir, env: { ...world.environment(), KEYHOLD_ADMIN_TOKEN: world.canaries.mint('admin-token-of-a-torn-start') } }, afterMs)).output);
  }
}

/** R0.1; a database that is not there, or does not let us in, is no mistake of the configuration. */
function expectedCode({ KEYHOLD_DATABASE_URL: database = '', KEYHOLD_KEY_FILE: keyFile }: Readonly<Record<string, string>>): number {
  if (keyFile !== undefined) return 6;
  return database.startsWith('postgres') ? 1 : 2;
}
