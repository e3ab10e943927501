import { randomBytes } from 'node:crypto';
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createMetrics } from '../../src/adapters/metrics/prometheus.ts';
import { openSqliteStore } from '../../src/adapters/metadata-store/sqlite/open-sqlite.ts';
import { AuditHeads } from '../../src/core/audit/audit-heads.ts';
import { createAuditLog } from '../../src/core/audit/audit-writer.ts';
import { LogTree } from '../../src/core/audit/log-tree.ts';
import { SigningKey } from '../../src/core/audit/notes/signing-key.ts';
import { platformScope, tenantScope } from '../../src/ports/scope.ts';
import { MemoryHeads } from './audit-custody.ts';

/**
 * One of several writers of one database: writes intents and outcomes until SIGTERM, and says in a line of JSON each what was acknowledged and which
 * heads it has signed. Its arguments: the database's file, its name, the key's seed.
 */
const [file = '', name = '', seed = ''] = process.argv.slice(2);
const clock = { now: () => Date.now(), monotonic: () => performance.now() };
const tell = (line: object): void => void writeSync(1, `${JSON.stringify(line)}\n`);
const say = (event: string): void => tell({ event });
const log = { debug: say, info: say, warn: say, error: say };

const store = await openSqliteStore({ file, clock });
const tree = new LogTree(store.audit);
const audit = createAuditLog({ repository: store.audit, tree, clock, random: randomBytes, replica: name, log, metrics: createMetrics() });
const heads = new AuditHeads({ repository: store.audit, tree, keys: { current: SigningKey.fromSeed('keyhold/test', Buffer.from(seed, 'hex')), former: [] }, heads: new MemoryHeads() });

const stopping = new AbortController();
process.once('SIGTERM', () => stopping.abort());

async function write(lane: number): Promise<void> {
  for (let turn = 0; !stopping.signal.aborted; turn += 1) {
    const scope = (turn + lane) % 4 === 0 ? platformScope : tenantScope(`t${(turn * 7 + lane) % 5}`);
    const actor = { kind: 'system', id: name, role: 'system', scope: platformScope } as const;
    try {
      const intent = await audit.intent({ actor, action: 'credential.put', resource: { scope }, requestId: `${name}.${lane}.${turn}` });
      tell({ intent });
      await audit.outcome(intent, 'ok', null);
      tell({ outcome: intent });
      if (turn % 10 === 0) tell({ head: (await heads.current()).note });
    } catch {
      // Refused: nothing was acknowledged.
    }
    await sleep(2);
  }
}

tell({ started: true });
await Promise.all([0, 1, 2].map(write));
await audit.close();
tell({ head: (await heads.current()).note });
await store.close();
tell({ ended: true });
