import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { expect, it, onTestFailed, onTestFinished } from 'vitest';
import { seededRandom } from '../support/crash/seeded-random.ts';
import { RandomRun } from '../support/replicas/random-run.ts';
import { describeWithPostgres } from '../support/servers/with-postgres.ts';

const SEED = process.env['KEYHOLD_TEST_SEED'] ?? randomBytes(4).toString('hex');
const FAULTS = Number(process.env['KEYHOLD_TEST_FAULTS'] ?? 6);
/** Short runs do not wait for what takes a term of 30 s. */
const LONG = FAULTS > 6;
const PAUSE_MS = Number(process.env['KEYHOLD_TEST_PAUSE_MS'] ?? 4_000);

describeWithPostgres(`four replicas on PostgreSQL and Redis, ${FAULTS} faults (KEYHOLD_TEST_SEED=${SEED})`, () => {
  it('R5.3, S32: whatever dies, stands still, jumps or is cut off, nothing acknowledged is lost, nothing doubled, nothing revoked revived', { timeout: 300_000 + FAULTS * (PAUSE_MS + 30_000) }, async () => {
    const journal = LONG && seededRandom(SEED, 'journal').below(2) === 0 ? 'synchronous' : 'local';
    const run = await RandomRun.begin({ seed: SEED, faults: FAULTS, pauseMs: PAUSE_MS, journal, isLong: LONG });
    onTestFinished(() => run.close());
    onTestFailed(async () => {
      if (process.env['KEYHOLD_TEST_OUTPUT'] !== undefined) await writeFile(process.env['KEYHOLD_TEST_OUTPUT'], run.outputs);
    });
    await run.run();
    console.log(run.summary);
    expect(run.problems).toEqual([]);
  });
});
