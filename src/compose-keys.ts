import { systemClock } from './adapters/clock/system-clock.ts';
import { type OpenCustody, withNextWrapper } from './compose-root-key.ts';
import type { Config } from './config/config.ts';
import { readEnvironment } from './config/environment.ts';
import { readWrapperChange } from './config/new-key-wrapper.ts';
import { RootKeyService } from './core/keys/root-key-service.ts';
import type { KeyStepHook } from './core/keys/steps.ts';
import type { Log } from './ports/log.ts';
import type { MetadataStore } from './ports/metadata-store.ts';

export interface KeysOptions {
  readonly config: Pick<Config, 'keyWrapper'>;
  readonly metadata: MetadataStore;
  readonly custody: OpenCustody;
  readonly log: Log;
  readonly step: KeyStepHook;
}

export interface Keys {
  readonly rootKeys: RootKeyService;
}

/** What looks after the keys above the values: the root key's wrapping. */
export function createKeys({ config, metadata, custody, log, step }: KeysOptions): Keys {
  const { root, vault } = custody;
  return {
    rootKeys: new RootKeyService({
      platform: metadata.platform,
      root,
      clock: systemClock,
      step,
      // Read anew each time, so that an operator names what is next without a restart: in `.env`, or in the files that it names.
      withNext: (work) => withNextWrapper({ present: config.keyWrapper, next: readWrapperChange(readEnvironment()).next }, { vault, log }, work),
    }),
  };
}
