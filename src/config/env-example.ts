import type { Service } from '../core/catalog/service.ts';
import { ownKeyNames } from './own-key-variables.ts';
import { baseUrlVariable, gatewayServiceIds } from './service-base-urls.ts';
import { settingsInOrder } from './settings.ts';
import { hasFileForm } from './variables.ts';

/** The text of `.env.example`: every setting, commented out at its default, so that a copy of it changes nothing. */
export function envExample(services: readonly Pick<Service, 'id' | 'fields' | 'gateway'>[]): string {
  const lines = [
    '# Copy this file to .env and change what you need. The real environment wins over .env; an empty value counts as left out.',
    '# A secret can also be read from a file: NAME_FILE=/run/secrets/name instead of NAME=…',
    '# Put a value that holds # into quotes: without them the rest of the line is a comment.',
    '',
  ];
  for (const setting of settingsInOrder()) {
    const { name, description, fallbackText, example } = setting;
    lines.push(...description.map((line) => `# ${line}`));
    const isWords = fallbackText.startsWith('<');
    if (isWords) lines.push(`# Default: ${fallbackText}`);
    lines.push(`#${name}=${isWords ? example : fallbackText}`);
    if (hasFileForm(setting)) lines.push(`#${name}_FILE=`);
    lines.push('');
  }
  lines.push(
    '# The service\'s own keys. In Vault\'s secret VAULT_SECRET_PATH they have the same names, and count before these.',
    ...ownKeyNames(services).flatMap((name) => [`#${name}=`, `#${name}_FILE=`]),
    '',
    '# Where a service is reached, instead of its own address: what its SDK takes as base URL.',
    '# https, or http on this machine (http elsewhere needs KEYHOLD_ALLOW_HTTP_UPSTREAM=true).',
    ...gatewayServiceIds(services).map((id) => `#${baseUrlVariable(id)}=`),
  );
  return `${lines.join('\n')}\n`;
}
