import { randomBytes } from 'node:crypto';
import { createInProcessBus } from './adapters/bus/in-process.ts';
import { systemClock } from './adapters/clock/system-clock.ts';
import { createDataKeyRotation } from './compose-keys.ts';
import { openRootKey, withNextWrapper } from './compose-root-key.ts';
import type { Config } from './config/config.ts';
import type { WrapperChange } from './config/new-key-wrapper.ts';
import { systemActor } from './core/access/actor.ts';
import { rootRecord } from './core/crypto/root-key-record.ts';
import { DataKeys } from './core/crypto/data-keys.ts';
import { allProviderKeys, type ProviderKey, ProviderKeys } from './core/keys/provider-keys.ts';
import { rewrapRootKey } from './core/keys/rewrap-root-key.ts';
import { type RootKeyView, rootKeyView } from './core/keys/root-key-view.ts';
import { KeyholdError } from './ports/errors.ts';
import type { Log } from './ports/log.ts';
import type { DataKeyRotationRecord } from './ports/metadata/sealed.ts';
import { platformScope } from './ports/scope.ts';
import { StartError } from './ports/start-error.ts';
import { onStoppedAccess } from './stopped-access.ts';
import { onStoppedFolder } from './stopped-folder.ts';

const actor = systemActor('command-line');

/** What wraps the root key of a stopped Keyhold; nothing is opened for that. Throws `StartError`, 5 while it is running. */
export async function stoppedKeyStatus(config: Config, log: Log): Promise<RootKeyView> {
  return onStoppedFolder(config, log, 'may-run', async ({ platform }) => {
    const stored = await rootRecord(platform);
    if (stored === undefined) throw new StartError(6, 'This database has no root key yet. A first start of Keyhold makes one.');
    return rootKeyView(stored.record);
  });
}

/** Wraps the root key of a stopped Keyhold by something else, audited. Throws `StartError`, 5 while it is running. */
export async function rewrapStopped(config: Config, change: WrapperChange, log: Log): Promise<RootKeyView> {
  return onStoppedAccess(config, log, 'stopped', async ({ metadata, access }) => {
    const custody = await openRootKey({ config, metadata, vault: undefined, log });
    try {
      await custody.settle();
      return await access.perform(actor, 'root-key.rewrap', { scope: platformScope }, null, async (grant) => {
        grant.use('root-key.rewrap');
        return withNextWrapper(change, { vault: undefined, log }, async (next) =>
          rootKeyView(await rewrapRootKey(next, { platform: metadata.platform, root: custody.root, wipe: () => metadata.wipe(), clock: systemClock, log, step: () => undefined })),
        );
      });
    } catch (error) {
      throw error instanceof KeyholdError ? new StartError(1, `The root key could not be wrapped anew, and nothing was changed. ${error.publicMessage}`, { cause: error }) : error;
    } finally {
      await custody.close();
    }
  });
}

/** What re-seals a stopped Keyhold's values, and the list that it ends with. */
export interface StoppedRotation {
  readonly rotated: DataKeyRotationRecord;
  readonly providerKeys: readonly ProviderKey[];
}

/** Gives one tenant of a stopped Keyhold, or everybody, new data keys (S14), audited. What a process that died left of it is finished first. Throws `StartError`. */
export async function rotateStoppedData(config: Config, tenant: string | null, log: Log): Promise<StoppedRotation> {
  return onStoppedAccess(config, log, 'stopped', async ({ metadata, access }) => {
    const custody = await openRootKey({ config, metadata, vault: undefined, log });
    try {
      await custody.settle();
      const dataKeys = new DataKeys({ repository: metadata.dataKeys, root: custody.root, bus: createInProcessBus(), clock: systemClock, random: randomBytes });
      const rotation = createDataKeyRotation({ metadata, dataKeys, access, log, step: () => undefined });
      await rotation.runOnce();
      await access.perform(actor, 'data-keys.rotate', { scope: platformScope }, null, (grant) => rotation.begin(grant, tenant));
      await rotation.runOnce();
      const rotated = await rotation.last();
      if (rotated === undefined) throw new KeyholdError('internal', 'The rotation is not in the database.');
      return { rotated, providerKeys: await allProviderKeys((after) => new ProviderKeys(metadata).page(tenant, { limit: 1000, after })) };
    } catch (error) {
      throw error instanceof KeyholdError ? new StartError(1, `New data keys are not everywhere yet. ${error.publicMessage} The next start of Keyhold, or this command, goes on.`, { cause: error }) : error;
    } finally {
      await custody.close();
    }
  });
}
