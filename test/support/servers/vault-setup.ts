import type { TestProject } from 'vitest/node';
import { runHas } from './run-files.ts';
import { buildVault } from './vault-binary.ts';

/**
 * Before the first test: builds Vault if a test file of this run starts one. Where it cannot be built the run goes on without those
 * tests and says why; with `CI=true` it fails, since what is skipped there is never noticed.
 */
export async function setup(project: TestProject): Promise<void> {
  if (!(await runHas(project, '/servers/vault.ts', 'with-vault'))) return;
  try {
    await buildVault((line) => process.stderr.write(`${line}\n`));
  } catch (error) {
    if (process.env['CI'] === 'true') throw error;
    process.stderr.write(`\nTests against a real Vault are SKIPPED.\n${error instanceof Error ? error.message : String(error)}\n\n`);
  }
}
