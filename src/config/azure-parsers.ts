import { SecretValue } from '../ports/secret-value.ts';
import { InvalidValue, quoted } from './invalid-value.ts';

const LONGEST_TTL_MS = 86_400_000;

/** A vault's address without a slash at the end. Whether its host may be any is for `isKnownVault` of the adapter to say. */
export function keyVaultUrl(text: string): string {
  return httpsOrigin(text, 'a vault, such as https://my-vault.vault.azure.net/');
}

/** A key of a vault, by its identifier without a version. */
export function azureKey(text: string): { readonly vaultUrl: string; readonly key: string } {
  const url = URL.parse(text);
  const key = /^\/keys\/(?<name>[\dA-Za-z-]{1,127})$/u.exec(url?.pathname ?? '')?.groups?.['name'];
  if (url === null || key === undefined || url.search !== '' || url.hash !== '') throw new InvalidValue(`is ${quoted(text)}, but must be a key's identifier without a version, such as https://my-vault.vault.azure.net/keys/keyhold`);
  return Object.freeze({ vaultUrl: keyVaultUrl(url.origin), key });
}

/** Where tokens come from, without a slash at the end. */
export function azureAuthorityHost(text: string): string {
  return httpsOrigin(text.includes('://') ? text : `https://${text}`, 'an authority, such as https://login.microsoftonline.us');
}

/** The id of a tenant or an application in Entra. */
export function azureId(text: string): string {
  if (!/^[\w.-]{1,128}$/u.test(text)) throw new InvalidValue(`is ${quoted(text)}, but must be an id such as 00000000-0000-0000-0000-000000000000`);
  return text;
}

export function azureClientSecret(text: string): SecretValue {
  if (/\s$/u.test(text)) throw new InvalidValue('ends with a space or a newline; remove it');
  if (!/^[\x21-\x7e]+$/u.test(text)) throw new InvalidValue('holds spaces, control characters or letters outside ASCII; copy it again');
  return new SecretValue(text);
}

/** Milliseconds, a day at most. */
export function cacheTtl(text: string): number {
  if (!/^\d{1,9}$/u.test(text) || Number(text) > LONGEST_TTL_MS) throw new InvalidValue(`is ${quoted(text)}, but must be a number of milliseconds up to ${LONGEST_TTL_MS} (a day)`);
  return Number(text);
}

/** Nothing of an address is quoted, since it may hold a password. */
function httpsOrigin(text: string, what: string): string {
  const url = /^[\x21-\x7e]+$/u.test(text) ? URL.parse(text) : null;
  if (url === null || url.protocol !== 'https:') throw new InvalidValue(`is not the https:// address of ${what}`);
  if (url.username !== '' || url.password !== '') throw new InvalidValue('holds a user name or a password; leave them out');
  if (url.pathname !== '/' || text.includes('?') || text.includes('#')) throw new InvalidValue(`has something after the host, but is only the address of ${what}`);
  return url.origin;
}
