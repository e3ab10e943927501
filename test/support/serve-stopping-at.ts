import { readFileSync } from 'node:fs';
import { createLog } from '../../src/adapters/log/pino-log.ts';
import { standardOutput } from '../../src/adapters/log/standard-output.ts';
import { loadProcessConfig } from '../../src/command-line/load.ts';
import { processTerminal } from '../../src/command-line/terminal.ts';
import { productVersion } from '../../src/command-line/version.ts';
import { defaultLimits } from '../../src/core/credentials/limits.ts';
import { serve } from '../../src/serve.ts';

/**
 * Serves as the product does, until the write of a credential reaches a step that the file TEST_STOP_FILE names at that moment: a line
 * `stop put.stored` kills the process there as `kill -9` does, `hold put.stored` keeps that operation there for ever. TEST_RECONCILE_MS is the reconciler's
 * minute, TEST_LATE_PUT_MS the time after which it looks for a put that was given up, TEST_RETIRE_MS the time that a replaced version stays,
 * TEST_VALUES_MS how long values are cached, TEST_LEASE_MS for how long a replica may stand still,
 * TEST_INTENT_MS how long a writer has.
 */
const file = process.env['TEST_STOP_FILE'] ?? '';
const reconcileEveryMs = Number(process.env['TEST_RECONCILE_MS'] ?? 60_000);
const latePutMs = Number(process.env['TEST_LATE_PUT_MS'] ?? defaultLimits.latePutMs);
const retireGraceMs = Number(process.env['TEST_RETIRE_MS'] ?? defaultLimits.retireGraceMs);
const intentMs = Number(process.env['TEST_INTENT_MS'] ?? defaultLimits.intentMs);
const leaseTermMs = process.env['TEST_LEASE_MS'];
const valuesMs = process.env['TEST_VALUES_MS'];
const { config } = loadProcessConfig();
const destination = standardOutput();

await serve({
  config,
  log: createLog({ level: config.logLevel, destination, pretty: destination.isTerminal }),
  terminal: processTerminal(),
  version: productVersion(),
  reconcileEveryMs,
  ...(leaseTermMs === undefined ? {} : { leaseTermMs: Number(leaseTermMs) }),
  limits: { ...defaultLimits, intentMs, latePutMs, retireGraceMs },
  ...(valuesMs === undefined ? {} : { valuesMs: Number(valuesMs) }),
  step: async (step) => {
    if (file === '') return;
    const lines = readFileSync(file, 'utf8').split('\n');
    if (lines.includes(`stop ${step}`)) process.kill(process.pid, 'SIGKILL');
    if (lines.includes(`hold ${step}`)) await new Promise(() => {});
  },
});
