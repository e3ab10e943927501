import { keysApi } from '../../adapters/keyhold-api/keys-api.ts';
import { stoppedKeyStatus } from '../../stopped-keys.ts';
import type { ClientOptions } from '../running-keyhold.ts';
import type { Terminal } from '../terminal.ts';
import { rootKeyText } from './root-key-text.ts';
import { onStopped, whichKeyhold } from './which-keyhold.ts';

/** Shows what wraps the root key. Throws `StartError`. */
export async function showKeyStatus(options: ClientOptions, terminal: Terminal): Promise<void> {
  const where = await whichKeyhold(options, terminal);
  terminal.out(rootKeyText('running' in where ? await keysApi.status(where.running) : await onStopped(stoppedKeyStatus(where.stopped, where.log))));
}
