import type { SecretValue } from '../ports/secret-value.ts';
import { InvalidValue, quoted } from './invalid-value.ts';
import { isLoopback } from './loopback.ts';
import type { Setting } from './settings.ts';
import { secretText } from './vault-parsers.ts';

const endpoint: Setting<string | null> = {
  name: 'COSMOS_DB_ENDPOINT',
  secret: false,
  description: ['Keeps the database in this Azure Cosmos DB account (for NoSQL) instead. docs/databases.md sets it up from nothing.'],
  example: 'https://my-account.documents.azure.com:443/',
  fallback: null,
  fallbackText: '',
  parse: accountAddress,
};

const key: Setting<SecretValue | null> = {
  name: 'COSMOS_DB_KEY',
  secret: true,
  description: ['A read-write key of that account. Left out, Keyhold signs in to Azure as the AZURE_ and KEY_VAULT_USE_MANAGED_IDENTITY variables say.'],
  example: '<a key of the account>',
  fallback: null,
  fallbackText: '',
  parse: secretText,
};

const database: Setting<string> = {
  name: 'COSMOS_DB_DATABASE',
  secret: false,
  description: ['The database in that account; with a key it is made when absent.'],
  example: 'keyhold',
  fallback: 'keyhold',
  fallbackText: 'keyhold',
  parse: databaseName,
};

/** R0.5. */
export const cosmosSettings = { cosmosEndpoint: endpoint, cosmosKey: key, cosmosDatabase: database } as const;

/** Nothing of an address is quoted, since it may hold a password. */
function accountAddress(text: string): string {
  const url = /^[\x21-\x7e]+$/u.test(text) ? URL.parse(text) : null;
  const isHere = url !== null && url.protocol === 'http:' && isLoopback(url.hostname);
  if (url === null || (url.protocol !== 'https:' && !isHere)) throw new InvalidValue('is not the https:// address of a Cosmos DB account; http is for test servers on this machine');
  if (url.username !== '' || url.password !== '') throw new InvalidValue('holds a user name or a password; leave them out');
  if (url.pathname !== '/' || text.includes('?') || text.includes('#')) throw new InvalidValue('has something after the host, but is only the address of an account');
  return `${url.origin}/`;
}

/** https://learn.microsoft.com/azure/cosmos-db/concepts-limits: up to 255 characters, none of `/ \ # ?`; and nothing that a command line would trip over. */
function databaseName(text: string): string {
  if (!/^[\w][\w.-]{0,254}$/u.test(text)) throw new InvalidValue(`is ${quoted(text)}, but must be letters, digits, ., _ and -, 255 at most`);
  return text;
}
