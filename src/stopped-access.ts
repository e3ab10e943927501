import { createInProcessBus } from './adapters/bus/in-process.ts';
import { systemClock } from './adapters/clock/system-clock.ts';
import { createMetrics } from './adapters/metrics/prometheus.ts';
import { openAudit } from './compose-audit.ts';
import type { Config } from './config/config.ts';
import { Access } from './core/access/authorize.ts';
import { CachedTenantStates } from './core/tenants/cached-tenant-states.ts';
import type { Log } from './ports/log.ts';
import type { MetadataStore } from './ports/metadata-store.ts';
import { onStoppedFolder } from './stopped-folder.ts';

export interface StoppedKeyhold {
  readonly metadata: MetadataStore;
  readonly access: Access;
}

/** Does something audited on the data folder of a stopped Keyhold. Throws as `onStoppedFolder` and `openAudit` do. */
export async function onStoppedAccess<T>(config: Config, log: Log, work: (keyhold: StoppedKeyhold) => Promise<T>): Promise<T> {
  return onStoppedFolder(config, async (metadata) => {
    const metrics = createMetrics();
    const { audit, heads, closeJournal } = await openAudit({ config, metadata, log, metrics });
    try {
      const tenants = new CachedTenantStates({ tenants: metadata.tenants, bus: createInProcessBus(), clock: systemClock, metrics });
      return await work({ metadata, access: new Access({ clock: systemClock, audit, tenants, seal: { sealed: false } }) });
    } finally {
      await audit.close();
      await heads.current();
      await closeJournal();
    }
  });
}
