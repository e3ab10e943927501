import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Acknowledged } from '../crash/credential-slot.ts';
import { runToEnd, temporaryFolder } from '../product.ts';
import type { Replica } from './replica.ts';

interface Row {
  readonly id: string;
  readonly phase: string;
  readonly intentId: string;
  readonly action: string;
  readonly outcome: string | null;
  readonly requestId: string | null;
}

/** What is wrong with the audit log, in words: it has to follow from every head that any replica ever showed, and to hold two rows of each acknowledged operation. All replicas have stopped. */
export async function auditLogProblems({ options }: Pick<Replica, 'options'>, heads: readonly string[], acknowledged: readonly Acknowledged[]): Promise<readonly string[]> {
  const folder = await temporaryFolder();
  const [key, log, checkpoint] = [join(folder, 'key'), join(folder, 'log.jsonl'), join(folder, 'head')];
  const problems: string[] = [];
  await writeFile(key, (await runToEnd({ ...options, args: ['audit', 'key'] })).stdout);
  const exported = await runToEnd({ ...options, args: ['audit', 'export', '-o', log] });
  if (exported.code !== 0) problems.push(`the export failed: ${exported.output}`);
  for (const head of heads) {
    await writeFile(checkpoint, head);
    const { code, output } = await runToEnd({ dataDir: folder, args: ['audit', 'verify', log, '--key', key, '--checkpoint', checkpoint] });
    if (code !== 0) problems.push(`the log does not follow from the head ${head}: ${output}`);
  }
  const lines = (await readFile(log, 'utf8')).split('\n').filter((line) => line.includes('"phase":'));
  const byRequest = Map.groupBy(lines.map((line) => JSON.parse(line) as Row), ({ requestId }) => requestId);
  for (const { requestId, action } of acknowledged) {
    const rows = (byRequest.get(requestId) ?? []).map((row) => `${row.phase} ${row.action} ${row.outcome}`).toSorted();
    if (rows.join(', ') !== `intent ${action} null, outcome ${action} ok`) problems.push(`${requestId}: ${action} has the rows ${JSON.stringify(rows)}`);
  }
  await rm(folder, { recursive: true, force: true });
  return problems;
}
