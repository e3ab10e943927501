import { readFile, rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Product, startProduct, temporaryFolder } from '../support/product.ts';
import { askedEnvironment, type AskedWorld, askedWorld } from '../support/schemathesis/asked-world.ts';
import { runSchemathesis } from '../support/schemathesis/run-schemathesis.ts';

/** How many requests schemathesis makes up for each operation and caller; 0: it is not started. */
const EXAMPLES = Number(process.env['KEYHOLD_TEST_SCHEMATHESIS'] ?? 0);
const SEED = Number(process.env['KEYHOLD_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const STOP = ['/api/v1/platform/seal', '/api/v1/platform/unseal'];

it('S37: every package of Python that fuzzing needs is named in one version, with the digests of its files', async () => {
  const list = await readFile(new URL('../support/schemathesis/requirements.txt', import.meta.url), 'utf8');
  for (const entry of list.trim().split(/\n(?=\S)/)) expect(entry).toMatch(/^[\w-]+==[\w.]+ \\\n(?: {4}--hash=sha256:[0-9a-f]{64}(?: \\\n)?)+$/);
});

if (EXAMPLES > 0) {
  describe(`R0.3: what the API's own description allows, and what it does not, asked by schemathesis (seed ${SEED})`, { timeout: 7_200_000 }, () => {
    let product: Product;
    let world: AskedWorld;
    let folder: string;

    beforeAll(async () => {
      folder = await temporaryFolder();
      product = await startProduct({ env: askedEnvironment });
      world = await askedWorld(product);
    });

    afterAll(async () => {
      await product.stop();
      await rm(folder, { recursive: true, force: true });
    });

    const asked = async (role: keyof AskedWorld['tokens'], which: readonly string[]): Promise<void> => {
      const { code, output } = await runSchemathesis({ url: product.url, token: world.tokens[role], examples: EXAMPLES, seed: SEED, names: world.names, folder, which });
      process.stdout.write(output.slice(output.lastIndexOf('= SUMMARY =')));
      expect(code, output).toBe(0);
      expect(product.logLines().filter(({ level }) => level === 'error')).toEqual([]);
    };

    it.each(['tenant-auditor', 'tenant-admin', 'platform-admin'] as const)('as a %s: no 5xx, no answer that is not as described, nothing taken that is not, and no word of the inside', async (role) => {
      await asked(role, STOP.flatMap((path) => ['--exclude-path', path]));
    });

    it('the emergency stop and its end, last', async () => {
      await asked('platform-admin', STOP.flatMap((path) => ['--include-path', path]));
    });
  });
}
