import { keysApi } from '../../adapters/keyhold-api/keys-api.ts';
import { readEnvironment } from '../../config/environment.ts';
import { readWrapperChange } from '../../config/new-key-wrapper.ts';
import { rewrapStopped } from '../../stopped-keys.ts';
import type { ClientOptions } from '../running-keyhold.ts';
import type { Terminal } from '../terminal.ts';
import { afterRewrap, rootKeyText } from './root-key-text.ts';
import { onStopped, whichKeyhold } from './which-keyhold.ts';

/** Wraps the root key by what the `KEYHOLD_NEW_` settings name: a running Keyhold's own, or those of this command. Throws `StartError`. */
export async function rotateWrapping(options: ClientOptions, terminal: Terminal): Promise<void> {
  const where = await whichKeyhold(options, terminal);
  const view = 'running' in where ? await keysApi.rewrap(where.running) : await onStopped(rewrapStopped(where.stopped, readWrapperChange(readEnvironment()), where.log));
  terminal.out(`${rootKeyText(view)}\n`);
  terminal.out(afterRewrap(view));
}
