import { systemClock } from './adapters/clock/system-clock.ts';
import { openRootKey, withNextWrapper } from './compose-root-key.ts';
import type { Config } from './config/config.ts';
import type { WrapperChange } from './config/new-key-wrapper.ts';
import { systemActor } from './core/access/actor.ts';
import { rootRecord } from './core/crypto/root-key-record.ts';
import { rewrapRootKey } from './core/keys/rewrap-root-key.ts';
import { type RootKeyView, rootKeyView } from './core/keys/root-key-view.ts';
import { KeyholdError } from './ports/errors.ts';
import type { Log } from './ports/log.ts';
import { platformScope } from './ports/scope.ts';
import { StartError } from './ports/start-error.ts';
import { onStoppedAccess } from './stopped-access.ts';
import { onStoppedFolder } from './stopped-folder.ts';

const actor = systemActor('command-line');

/** What wraps the root key of a stopped Keyhold; nothing is opened for that. Throws `StartError`, 5 while it is running. */
export async function stoppedKeyStatus(config: Config): Promise<RootKeyView> {
  return onStoppedFolder(config, async ({ platform }) => {
    const stored = await rootRecord(platform);
    if (stored === undefined) throw new StartError(6, 'This database has no root key yet. A first start of Keyhold makes one.');
    return rootKeyView(stored.record);
  });
}

/** Wraps the root key of a stopped Keyhold by something else, audited. Throws `StartError`, 5 while it is running. */
export async function rewrapStopped(config: Config, change: WrapperChange, log: Log): Promise<RootKeyView> {
  return onStoppedAccess(config, log, async ({ metadata, access }) => {
    const custody = await openRootKey({ config, metadata, vault: undefined, log });
    try {
      return await access.perform(actor, 'root-key.rewrap', { scope: platformScope }, null, async (grant) => {
        grant.use('root-key.rewrap');
        return withNextWrapper(change, { vault: undefined, log }, async (next) =>
          rootKeyView(await rewrapRootKey(next, { platform: metadata.platform, root: custody.root, clock: systemClock, step: () => undefined })),
        );
      });
    } catch (error) {
      throw error instanceof KeyholdError ? new StartError(1, `The root key could not be wrapped anew, and nothing was changed. ${error.publicMessage}`, { cause: error }) : error;
    } finally {
      await custody.close();
    }
  });
}
