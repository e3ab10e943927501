import { KeyholdError } from '../../ports/errors.ts';

export interface TenantUrlRules {
  /** The property of the request that it stands in. */
  readonly property: string;
  readonly example: string;
  /** http is let through on loopback. */
  readonly allowHttpOnLoopback: boolean;
  /** Something may stand between the host and what Keyhold adds. */
  readonly mayHavePath: boolean;
}

/**
 * An address that a tenant names, as it is kept: without a slash at the end. Nothing of it is quoted, since it may hold a password. Throws
 * `invalid_argument`.
 */
export function tenantUrl(text: string, { property, example, allowHttpOnLoopback, mayHavePath }: TenantUrlRules): URL {
  const refuse = (why: string): never => {
    throw new KeyholdError('invalid_argument', `${property} ${why}. Example: ${example}`, { details: { property } });
  };
  // What a URL parser would forgive or rewrite, somebody else's parser may read otherwise.
  if (!/^https?:\/\/[\x21-\x7e]{1,500}$/iu.test(text) || /[\\<>"^`{|}]/u.test(text)) return refuse('is not an https:// address');
  const url = URL.parse(text);
  if (url === null) return refuse('is not an https:// address');
  if (text.includes('@') || url.username !== '' || url.password !== '') return refuse('holds a user name, a password or an @; leave them out');
  if (/[?#]/u.test(text)) return refuse('holds a ? or a #; leave out what begins there');
  if (!mayHavePath && url.pathname !== '/') return refuse('has something after the host; leave it out');
  if (/(?:^|\/)\.{1,2}(?:\/|$)|%|;|\/\//u.test(text.slice(text.indexOf('://') + 3))) return refuse('holds a path that is not as it is written: .., //, % or ;');
  if (url.protocol === 'http:' && !(allowHttpOnLoopback && isLoopback(url.hostname))) return refuse('is http, so keys would travel unencrypted; use https');
  return url;
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/u.test(hostname);
}
