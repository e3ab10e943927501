import { visibleText } from '../../adapters/log/visible-text.ts';
import type { RootKeyView } from '../../core/keys/root-key-view.ts';

const meaning = { 'key-file': 'a key file', passphrase: 'a passphrase', 'vault-transit': 'a key in Vault', 'azure-key': 'a key in Azure Key Vault' } as const;

/** What wraps the root key, for people. */
export function rootKeyText({ rootId, commitment, createdAt, wrappings }: RootKeyView): string {
  const lines = wrappings.map(({ wrapper, place, wrappedAt, state }) => {
    const where = place === '' ? '' : ` (${visibleText(place)})`;
    return `  ${state === 'present' ? 'wrapped by' : 'next:     '} ${meaning[wrapper]}${where}, since ${day(wrappedAt)}`;
  });
  return [`Root key ${rootId} of ${day(createdAt)}`, `  commitment ${commitment}`, ...lines, ...(wrappings.length > 1 ? [pending] : []), ''].join('\n');
}

/** What is left to do after the root key was wrapped anew. */
export function afterRewrap({ wrappings }: RootKeyView): string {
  const [present, next] = wrappings;
  if (next === undefined) {
    return `The root key is wrapped by the newest version of ${visibleText(present?.place ?? 'its key')}. Older versions open nothing here any more, but backups of the database still need them.\n`;
  }
  return [
    `The root key is wrapped by ${meaning[next.wrapper]} (${visibleText(next.place)}), too. Now make it the one that counts:`,
    `  1. Set ${settingsOf[next.wrapper]} to what the KEYHOLD_NEW_ variables say, and remove those.`,
    ...(next.wrapper === 'key-file' ? ['     Unless it is set already, set KEYHOLD_AUDIT_KEY_FILE to where the audit log\'s key is: the old key file\'s name with .audit behind it.'] : []),
    '  2. Start Keyhold again. That start takes the old wrapping out of the database; until then, both open it.',
    '  3. Keep the old key for as long as there are backups of the database from before.',
    '',
  ].join('\n');
}

const settingsOf = {
  'key-file': 'KEYHOLD_KEY_WRAPPER=key-file and KEYHOLD_KEY_FILE',
  passphrase: 'KEYHOLD_KEY_WRAPPER=passphrase and KEYHOLD_KEY_PASSPHRASE',
  'vault-transit': 'KEYHOLD_KEY_WRAPPER=vault-transit, KEYHOLD_TRANSIT_MOUNT and KEYHOLD_TRANSIT_KEY',
  'azure-key': 'KEYHOLD_KEY_WRAPPER=azure-key and KEYHOLD_AZURE_KEY',
} as const;

const pending = 'A change is under way: both open the root key. The first start with the settings of the next one takes the present one out.';

function day(time: number): string {
  return new Date(time).toISOString();
}
