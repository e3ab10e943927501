import { randomBytes } from 'node:crypto';
import { createInProcessBus } from './adapters/bus/in-process.ts';
import { systemClock } from './adapters/clock/system-clock.ts';
import { createMetrics } from './adapters/metrics/prometheus.ts';
import { openAudit } from './compose-audit.ts';
import type { Config } from './config/config.ts';
import { Access } from './core/access/authorize.ts';
import { InstallationSeal } from './core/access/installation-seal.ts';
import { newReplicaId } from './core/replicas/replica-id.ts';
import { CachedTenantStates } from './core/tenants/cached-tenant-states.ts';
import type { Log } from './ports/log.ts';
import type { MetadataStore } from './ports/metadata-store.ts';
import { onStoppedFolder, type OtherReplicas } from './stopped-folder.ts';

export interface StoppedKeyhold {
  readonly metadata: MetadataStore;
  readonly access: Access;
}

/** Does something audited on the data folder of a stopped Keyhold; what touches keys only while it is not sealed. Throws as `onStoppedFolder` and `openAudit` do. */
export async function onStoppedAccess<T>(config: Config, log: Log, others: OtherReplicas, work: (keyhold: StoppedKeyhold) => Promise<T>): Promise<T> {
  return onStoppedFolder(config, log, others, async (metadata) => {
    const metrics = createMetrics();
    const { audit, heads, closeJournal } = await openAudit({ config, metadata, log, metrics, replica: newReplicaId(randomBytes) });
    try {
      const bus = createInProcessBus();
      const tenants = new CachedTenantStates({ tenants: metadata.tenants, bus, clock: systemClock, metrics });
      const seal = await InstallationSeal.open({ platform: metadata.platform, bus, clock: systemClock, log });
      return await work({ metadata, access: new Access({ clock: systemClock, audit, tenants, seal }) });
    } finally {
      await audit.close();
      await heads.current();
      await closeJournal();
    }
  });
}
