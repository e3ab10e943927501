import { SecretValue } from '../ports/secret-value.ts';
import { InvalidValue, quoted } from './invalid-value.ts';

/** Where Vault is, without a slash at the end. Never quoted, since it may hold a password. */
export function vaultAddress(text: string): string {
  if (!/^[\x21-\x7e]+$/u.test(text)) throw new InvalidValue('holds spaces, control characters or letters outside ASCII');
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) throw new InvalidValue('is not an https:// address');
  if (url.username !== '' || url.password !== '') throw new InvalidValue('holds a user name or a password; sign in with VAULT_TOKEN or VAULT_ROLE_ID instead');
  if (text.includes('?') || text.includes('#')) throw new InvalidValue('has a query or a fragment (? or #)');
  if (/\/(?:v1|ui)(?:\/|$)/u.test(url.pathname)) throw new InvalidValue('has the path of the API or of the web page; give it without /v1 or /ui');
  return url.href.replace(/\/+$/u, '');
}

/** A token, role_id or secret_id: what can go into a header or a body as it is (S5). */
export function secretText(text: string): SecretValue {
  if (/\s$/u.test(text)) throw new InvalidValue('ends with a space or a newline; remove it');
  if (!/^[\x21-\x7e]+$/u.test(text)) throw new InvalidValue('holds spaces, control characters or letters outside ASCII; copy it again');
  return new SecretValue(text);
}

/** The name of a role or an audience. */
export function vaultName(text: string): string {
  if (!/^[\x21-\x7e]{1,512}$/u.test(text)) throw new InvalidValue(`is ${quoted(text)}, which holds spaces, control characters or letters outside ASCII`);
  return text;
}

/** `admin/team-a`, without slashes around it. */
export function vaultNamespace(text: string): string {
  return pathBelow(text, 'a namespace such as admin/team-a');
}

/** The path of a mount, without slashes around it. */
export function vaultMount(text: string): string {
  const mount = pathBelow(text, 'the path of a mount such as secret');
  if (mount.endsWith('/data')) throw new InvalidValue(`is ${quoted(text)}, but is the mount alone, without /data, which the API puts in by itself`);
  return mount;
}

/** A key's name in the transit engine. */
export function vaultKeyName(text: string): string {
  if (!/^[\w.-]{1,128}$/u.test(text)) throw new InvalidValue(`is ${quoted(text)}, but is a key's name such as keyhold: letters, digits, ".", "_" and "-"`);
  return text;
}

/** The path of the one secret with the service's own keys, below the mount. */
export function vaultSecretPath(text: string): string {
  const secretPath = pathBelow(text, 'the path of a secret below the mount such as ai-gateway');
  const [first = ''] = secretPath.split('/');
  if (first === 'data') throw new InvalidValue(`is ${quoted(text)}, but is the path below the mount, without data/, which the API puts in by itself`);
  if (first === 'tenants' || first === 'platform') throw new InvalidValue(`is ${quoted(text)}, but below ${first}/ is where credentials are kept; choose another path`);
  return secretPath;
}

function pathBelow(text: string, what: string): string {
  const trimmed = text.replaceAll(/^\/+|\/+$/gu, '');
  const segments = trimmed.split('/');
  if (!segments.every((segment) => /^[\w.-]{1,128}$/u.test(segment) && segment !== '.' && segment !== '..')) {
    throw new InvalidValue(`is ${quoted(text)}, but is ${what}: letters, digits, ".", "_" and "-" between slashes`);
  }
  return trimmed;
}
