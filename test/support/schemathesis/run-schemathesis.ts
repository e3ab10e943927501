import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { schemathesisPackages } from '../python.ts';
import { ASKED_TENANT, type KnownNames } from './asked-world.ts';

/** Why each of schemathesis's checks is left out is said in CONTRIBUTING.md. */
const LEFT_OUT = ['positive_data_acceptance', 'ignored_auth', 'unsupported_method', 'object_level_authorization'] as const;

export interface SchemathesisRun {
  readonly url: string;
  readonly token: string;
  /** The most requests for each operation in the phase that makes them up. */
  readonly examples: number;
  readonly seed: number;
  readonly names: KnownNames;
  /** Takes what it needs and leaves its own reports. */
  readonly folder: string;
  /** Which operations: `--include-path`, `--exclude-path` … */
  readonly which: readonly string[];
}

/** Asks a running Keyhold what its own description says that it takes, and what it says that it does not. Gives what schemathesis printed, and its exit code: 0 when nothing was found. */
export async function runSchemathesis({ url, token, examples, seed, names, folder, which }: SchemathesisRun): Promise<{ readonly code: number | null; readonly output: string }> {
  const config = path.join(folder, 'schemathesis.toml');
  await writeFile(config, configuration(names));
  const args = ['run', `${url}/api/v1/openapi.json`, '--header', `Authorization: Bearer ${token}`, '--max-examples', String(examples), '--seed', String(seed), '--phases', 'examples,coverage,fuzzing', '--exclude-checks', LEFT_OUT.join(','), '--continue-on-failure', '--warnings', 'off', ...which];
  const child = spawn('python3', ['-m', 'schemathesis.cli', '--config-file', config, ...args], {
    cwd: folder,
    env: { ...process.env, PYTHONPATH: await schemathesisPackages(), PYTHONDONTWRITEBYTECODE: '1', NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  return { code, output };
}

function configuration(names: KnownNames): string {
  const usually = (dictionary: string): string => `{ dictionary = "${dictionary}", probability = 0.8 }`;
  return [
    `hooks = ${JSON.stringify(path.join(import.meta.dirname, 'answers.py'))}`,
    ...Object.entries(names).map(([name, values]) => `[dictionaries.${name}]\nvalues = ${JSON.stringify(values)}`),
    // R0.3's `unsupported` says what this version does not do; every other 5xx is a finding.
    '[checks.not_a_server_error]\nexpected-statuses = ["2xx", "3xx", "4xx", 501]',
    // A body that is too large is refused before it is read.
    '[checks.negative_data_rejection]\nexpected-statuses = [400, 401, 403, 404, 409, 412, 413, 429, 501]',
    '[parameters]',
    `"path.tenant" = "${ASKED_TENANT}"`,
    `"query.tenant_id" = "${ASKED_TENANT}"`,
    ...['id = ids', 'service = services', 'provider = services'].map((pair) => pair.split(' = ')).map(([name = '', dictionary = '']) => `"path.${name}" = ${usually(dictionary)}`),
    `"query.label" = ${usually('labels')}`,
    // What ends tenants ends others than the one that all else is about.
    ...[['DELETE', '/api/v1/tenants/{tenant}'], ['POST', '/api/v1/tenants/{tenant}/shred']].map(([method = '', at = '']) => `[[operations]]\ninclude-method = "${method}"\ninclude-path = "${at}"\nparameters = { "path.tenant" = ${usually('ends')} }`),
  ].join('\n');
}
