import { randomBytes } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { createInProcessBus } from '../../src/adapters/bus/in-process.ts';
import { systemClock } from '../../src/adapters/clock/system-clock.ts';
import { createMetrics } from '../../src/adapters/metrics/prometheus.ts';
import { openBus, type OpenBusOptions } from '../../src/compose-bus.ts';
import { RootKey } from '../../src/core/crypto/root-key.ts';
import type { BusMessage, BusNews } from '../../src/ports/bus.ts';
import { eventually } from './eventually.ts';
import { RecordingLog } from './recording-log.ts';

const installation = new RootKey('root_0123456789abcdef', Buffer.alloc(32, 7));
export const anotherInstallation = new RootKey('root_fedcba9876543210', Buffer.alloc(32, 8));

export const revoked = (version: number): BusMessage => ({ topic: 'credential', scopeKey: 'tenant/acme', service: 'openai', label: 'default', version });

export type BusReplica = Awaited<ReturnType<typeof busReplica>>;

/** The bus of a replica as it is composed; it ends with the test. */
export async function busReplica(config: OpenBusOptions['config'], root = installation) {
  const log = new RecordingLog();
  const metrics = createMetrics();
  const open = await openBus({ local: createInProcessBus(log), config, ownKeys: { find: () => undefined }, replica: randomBytes(8).toString('hex'), clock: systemClock, random: randomBytes, metrics, log });
  onTestFinished(() => open.close());
  await open.connect(root);
  const news: BusNews[] = [];
  open.bus.subscribe((told) => news.push(told));
  return { ...open, log, metrics, news, heard: (version: number) => news.some((told) => told.topic === 'credential' && told.version === version) };
}

export async function trusting(all: readonly BusReplica[]): Promise<void> {
  await eventually(() => all.every(({ bus }) => bus.trusted && bus.connected), () => 'The replicas do not trust the bus.');
}
