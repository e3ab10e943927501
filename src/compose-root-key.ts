import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from './adapters/clock/system-clock.ts';
import { openAzureKey } from './adapters/key-wrapper/azure-key.ts';
import { openKeyFile } from './adapters/key-wrapper/key-file.ts';
import { openPassphrase } from './adapters/key-wrapper/passphrase.ts';
import { recallingWrapper, type RootKeyMemory } from './adapters/key-wrapper/recalling-wrapper.ts';
import { rootPinFile } from './adapters/key-wrapper/root-pin-file.ts';
import { openVaultTransit } from './adapters/key-wrapper/vault-transit.ts';
import { createVaultClient, type VaultClient } from './adapters/vault/vault-client.ts';
import type { Config } from './config/config.ts';
import type { KeyWrapperConfig } from './config/key-wrapper-config.ts';
import type { WrapperChange } from './config/new-key-wrapper.ts';
import { loadOrCreateRootKey, type OpenRootKey, requireWrapperKind, rootKeyMayBeMade, settleWrapping } from './core/crypto/root-key-record.ts';
import type { NextWrapper } from './core/keys/rewrap-root-key.ts';
import { wipeIfPossible } from './core/keys/wiping.ts';
import { KeyholdError } from './ports/errors.ts';
import type { KeyWrapper, RootPin } from './ports/key-wrapper.ts';
import type { Log } from './ports/log.ts';
import type { MetadataStore } from './ports/metadata-store.ts';
import { StartError } from './ports/start-error.ts';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;

interface WrapperOptions {
  /** The client that is there for other things, too; where there is none, a wrapper in Vault gets its own. */
  readonly vault: VaultClient | undefined;
  readonly mayCreate: boolean;
  /** The root key is at hand, and is wrapped anew. */
  readonly rewraps?: boolean;
  readonly log: Log;
}

interface OpenWrapper {
  readonly wrapper: KeyWrapper;
  readonly pin: RootPin;
  /** The client that was made for it alone. */
  readonly ownVault: VaultClient | undefined;
}

/** The wrapper that the configuration names. Whoever gets `ownVault` closes it. Throws as the adapters do. */
async function openWrapper(config: KeyWrapperConfig, { vault, mayCreate, rewraps = false, log }: WrapperOptions): Promise<OpenWrapper> {
  const random = randomBytes;
  const { keyFile } = config;
  const pin = rootPinFile(keyFile, random);
  if (config.kind === 'key-file') return { wrapper: await openKeyFile({ file: keyFile, mayCreate, rewraps, random }), pin, ownVault: undefined };
  if (config.kind === 'passphrase') return { wrapper: await openPassphrase({ passphrase: config.passphrase, file: `${keyFile}.passphrase`, mayCreate, random }), pin, ownVault: undefined };
  if (config.kind === 'azure-key') return { wrapper: openAzureKey(config), pin, ownVault: undefined };
  const { mount, key } = config;
  const client = vault ?? createVaultClient({ ...config.vault, auth: config.vault.signIn, clock: systemClock, random, log });
  return { wrapper: openVaultTransit({ client, mount, key }), pin, ownVault: client === vault ? undefined : client };
}

export interface RootKeyOptions {
  readonly config: Pick<Config, 'keyWrapper' | 'keyWrapperWaitMs'>;
  readonly metadata: Pick<MetadataStore, 'platform' | 'wipe'>;
  readonly vault: VaultClient | undefined;
  /** What other processes of the data folder know of it; left out where there are none. */
  readonly memory?: RootKeyMemory | undefined;
  readonly log: Log;
}

export interface OpenCustody extends OpenRootKey {
  /** What asks Vault for the wrapper, for whoever wraps the root key anew. */
  readonly vault: VaultClient | undefined;
  /**
   * Takes the wrapping before this one out of the database, for the first start that has used this one: once whatever else lies beside the key file was
   * found, so that a start that fails for want of it can be gone back from.
   */
  readonly settle: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/**
 * What is to wrap the root key by the `KEYHOLD_NEW_` settings as they are now, opened for the time of the work; where they name nothing, the newest
 * version of the key that wraps it. Throws `StartError`.
 */
export async function withNextWrapper<T>({ present, next }: WrapperChange, { vault, log }: Pick<WrapperOptions, 'vault' | 'log'>, work: (next: NextWrapper) => Promise<T>): Promise<T> {
  if (next === null && (present.kind === 'key-file' || present.kind === 'passphrase')) {
    throw new StartError(2, `Nothing says what is to wrap the root key instead of ${present.kind}. Set KEYHOLD_NEW_KEY_FILE, KEYHOLD_NEW_KEY_PASSPHRASE, or KEYHOLD_NEW_KEY_WRAPPER with what belongs to it, in Keyhold's own .env or environment (one that runs does not see this command's); docs/keys.md has each.`);
  }
  const { wrapper, pin, ownVault } = await openWrapper(next ?? present, { vault, mayCreate: true, rewraps: true, log });
  try {
    return await work({ wrapper, pin, replaces: next === null });
  } finally {
    await ownVault?.close();
  }
}

/**
 * The root key (S12). A wrapping key whose service is away is waited for, up to `KEYHOLD_KEY_WRAPPER_WAIT`; nothing is ever made in its place.
 * Throws `StartError` as `loadOrCreateRootKey` does, and 1 when the service stays away.
 */
export async function openRootKey({ config, metadata, vault, memory, log }: RootKeyOptions): Promise<OpenCustody> {
  const { platform } = metadata;
  await requireWrapperKind(platform, config.keyWrapper.kind);
  const mayCreate = await rootKeyMayBeMade(platform);
  const { wrapper, pin, ownVault } = await openWrapper(config.keyWrapper, { vault, mayCreate, log });
  const close = async (): Promise<void> => ownVault?.close();
  try {
    const load = (): Promise<OpenRootKey> => loadOrCreateRootKey({ platform, wrapper: memory === undefined ? wrapper : recallingWrapper(wrapper, memory), pin, random: randomBytes, clock: systemClock, mayCreate });
    const open = await whileAway(load, wrapper, config.keyWrapperWaitMs, log);
    const settle = async (): Promise<void> => {
      const removed = await settleWrapping(platform, open);
      // A copy of the files that is made from now on holds nothing for the old wrapping key.
      if (removed.length > 0) await wipeIfPossible({ wipe: () => metadata.wipe(), log }, 'The old wrapping of the root key is');
      for (const { kind, place } of removed) {
        log.info('root_key_wrapping_removed', `The root key is wrapped by ${wrapper.kind} (${wrapper.place}) alone; what wrapped it before opens nothing any more`, { name: kind, file: place });
      }
    };
    return { ...open, vault: vault ?? ownVault, settle, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function whileAway<T>(work: () => Promise<T>, { kind, place }: KeyWrapper, waitMs: number, log: Log): Promise<T> {
  const until = systemClock.monotonic() + waitMs;
  let pauseMs = FIRST_PAUSE_MS;
  let said = '';
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof KeyholdError && error.code === 'unavailable')) throw error;
      const leftMs = until - systemClock.monotonic();
      if (leftMs <= 0) {
        throw new StartError(
          1,
          `The root key is wrapped by ${kind} (${place}), which could not be asked for ${waitMs / 1000} s: ${error.publicMessage} Without it no kept key can be read, so Keyhold does not start; nothing was changed, and no other root key is made. KEYHOLD_KEY_WRAPPER_WAIT lets a start wait longer.`,
          { cause: error },
        );
      }
      if (error.publicMessage !== said) {
        log.warn('key_wrapper_unavailable', `The root key is wrapped by ${kind} (${place}), which cannot be asked: ${error.publicMessage} Keyhold waits for it up to ${Math.ceil(leftMs / 1000)} s`, { error });
      }
      said = error.publicMessage;
      await sleep(Math.min(pauseMs, Math.max(leftMs, 1)));
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }
}
