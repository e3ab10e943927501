import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Product, startProduct, temporaryFolder } from '../support/product.ts';
import { type ProviderServer, startProviderServer } from '../support/servers/provider-server.ts';

/* What a newcomer does: the demo, and the commands that the first start prints, pasted into a shell as they are. */

const root = join(import.meta.dirname, '..', '..');

/** Without blocking: the provider answers from this process. */
async function run(program: string, args: readonly string[], { cwd, input }: { readonly cwd: string; readonly input: string }) {
  const child = spawn(program, args, { cwd, stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  child.stdin.end(input);
  const code = await new Promise((resolve) => child.once('close', resolve));
  return { code, output, errors };
}

describe('npm run demo', () => {
  it('plays the story to its end', async () => {
    const { code, output, errors } = await run(process.execPath, [join(root, 'scripts', 'demo.ts')], { cwd: root, input: '' });
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
    expect(output.match(/^\d+\. /gm)).toHaveLength(11);
    expect(output).toContain('"x-keyhold-key-source":"tenant"');
    expect(output).toMatch(/11\. .*\n {3}\{"status":424,"answer":"[^"]*revoked/);
    expect(output).not.toMatch(/demo-provider-key-|kh_g_[0-9a-z]{16}/);
  });
});

describe('the commands of the first start', () => {
  let folder: string;
  let provider: ProviderServer;
  let product: Product;
  beforeAll(async () => {
    folder = await temporaryFolder();
    provider = await startProviderServer({ keys: ['test-key-typed-by-a-person'] });
    product = await startProduct({ dataDir: folder, env: { KEYHOLD_ADMIN_TOKEN: '', KEYHOLD_SERVICE_BASE_URL_OPENAI: provider.openAiUrl } });
  });
  afterAll(async () => {
    await product.kill();
    await provider.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('work pasted one after the other: a tenant, its key, a gateway key, an answer, its usage, the audit log', async () => {
    const commands = product
      .output()
      .split('\n')
      .filter((line) => line.startsWith('    '))
      .map((line) => line.trim());
    expect(commands.length).toBeGreaterThan(8);
    expect(commands).toContain('read -rs openai_key');
    const script = commands.map((command) => (command === 'read -rs openai_key' ? 'openai_key=test-key-typed-by-a-person' : command));
    const shell = await run('bash', ['-e', '-o', 'pipefail'], { cwd: folder, input: `${script.join('\necho\n')}\n` });
    expect(shell).toMatchObject({ code: 0, errors: '' });
    for (const text of ['"id":"acme"', '"service":"openai"', 'Hello from the local provider', '"inputTokens"', '"credential.put"']) expect(shell.output).toContain(text);
    expect(provider.requests.map(({ key }) => key)).toEqual(['test-key-typed-by-a-person']);
  });
});
