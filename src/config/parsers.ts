import { isIP, isIPv4, isIPv6 } from 'node:net';
import { SecretValue } from '../ports/secret-value.ts';
import { InvalidValue, quoted } from './invalid-value.ts';

export interface ListenAddress {
  /** A host name or an IP address; IPv6 without brackets. */
  readonly host: string;
  /** 0: the system picks one. */
  readonly port: number;
}

const HOST_NAME = /^(?!-)[0-9A-Za-z-]{1,63}(?:\.(?!-)[0-9A-Za-z-]{1,63})*$/u;
const LONGEST_SHUTDOWN_MS = 3_600_000;
const LONGEST_STALE_MS = 86_400_000;

/** `host:port` or `[IPv6]:port`. */
export function listenAddress(text: string): ListenAddress {
  if (text.includes('/')) throw new InvalidValue(`is ${quoted(text)}, but takes only host and port, without http:// and path`);
  const split = /^(?:\[(?<six>[^\]]*)\]|(?<plain>[^:]*)):(?<port>\d{1,5})$/u.exec(text);
  if (split === null) throw new InvalidValue(`is ${quoted(text)}${whatIsWrongWithAddress(text)}`);
  const { six, plain = '', port = '' } = split.groups ?? {};
  const number = Number(port);
  if (number > 65_535) throw new InvalidValue(`has port ${port}, but ports end at 65535`);
  if (six !== undefined) {
    if (!isIPv6(six)) throw new InvalidValue(`has ${quoted(six)} in brackets, which is not an IPv6 address`);
    return Object.freeze({ host: six, port: number });
  }
  if (plain === '' || plain === '*') throw new InvalidValue('names no host; 0.0.0.0 is every IPv4 address, 127.0.0.1 this machine alone');
  const looksLikeAddress = /^[\d.]+$/u.test(plain);
  if (looksLikeAddress ? !isIPv4(plain) : !HOST_NAME.test(plain)) throw new InvalidValue(`has ${quoted(plain)}, which is neither a host name nor an IP address`);
  return Object.freeze({ host: plain, port: number });
}

function whatIsWrongWithAddress(text: string): string {
  if (/^\d+$/u.test(text)) return ', but needs the host too';
  if (isIP(text) === 6 || text.split(':').length > 2) return ', but an IPv6 address goes into brackets before the port';
  if (!text.includes(':')) return ', but needs a port after a colon';
  return ', but its port is not a number from 0 to 65535';
}

export function trueOrFalse(text: string): boolean {
  if (text === 'true') return true;
  if (text === 'false') return false;
  throw new InvalidValue(`is ${quoted(text)}, but must be true or false`);
}

const MOST_WORKERS = 64;

export function workerCount(text: string): number {
  const count = /^\d{1,3}$/u.test(text) ? Number(text) : 0;
  if (count < 1 || count > MOST_WORKERS) throw new InvalidValue(`is ${quoted(text)}, but must be a number of processes from 1 to ${MOST_WORKERS}`);
  return count;
}

/** Milliseconds; a bare number means seconds. At most an hour. */
export function shutdownTimeout(text: string): number {
  const milliseconds = time(text, '25s, 500ms or 2m');
  if (milliseconds > LONGEST_SHUTDOWN_MS) throw new InvalidValue(`is ${quoted(text)}, but may be an hour (60m) at most`);
  return milliseconds;
}

/** Milliseconds; a bare number means seconds. 0 to a day. */
export function staleLimit(text: string): number {
  const milliseconds = time(text, '15m, 1h or 0');
  if (milliseconds > LONGEST_STALE_MS) throw new InvalidValue(`is ${quoted(text)}, but may be a day (24h) at most: so long a key that was revoked in its vault alone could serve`);
  return milliseconds;
}

/** Milliseconds of a time as these settings take it. */
export function time(text: string, examples: string): number {
  const parts = /^(?<amount>\d{1,9}(?:\.\d{1,3})?)(?<unit>ms|s|m|h)?$/u.exec(text);
  if (parts === null) throw new InvalidValue(`is ${quoted(text)}, but must be a time such as ${examples} (a bare number means seconds)`);
  const { amount = '', unit = 's' } = parts.groups ?? {};
  return Math.round(Number(amount) * ({ ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[unit] ?? 1_000));
}

/** Milliseconds of `30d`; a bare number means days. */
export function days(text: string): number {
  const amount = /^(\d{1,5})d?$/u.exec(text)?.[1];
  if (amount === undefined) throw new InvalidValue(`is ${quoted(text)}, but must be a number of days such as 30d`);
  return Number(amount) * 86_400_000;
}

/** A parser for one of a few words. */
export function oneOf<const Word extends string>(...words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const found = words.find((word) => word === text.toLowerCase());
    if (found === undefined) throw new InvalidValue(`is ${quoted(text)}, but must be ${words.length === 1 ? '' : 'one of '}${words.join(', ')}`);
    return found;
  };
}

/** A path as it was written; what it is relative to is decided where it is used. */
export function path(text: string): string {
  if (/\p{Cc}/u.test(text)) throw new InvalidValue(`is ${quoted(text)}, which holds control characters`);
  if (text.startsWith('~')) throw new InvalidValue(`is ${quoted(text)}, but ~ is not replaced here; write the path out`);
  return text;
}

const FEWEST_TOKEN_CHARACTERS = 32;
const MOST_TOKEN_CHARACTERS = 512;

/** An administrator's token that the operator chose (R0.1, S5, S22). */
export function adminToken(text: string): SecretValue {
  if (/\s$/u.test(text)) throw new InvalidValue('ends with a space or a newline; remove it');
  if (!/^[\x21-\x7e]+$/u.test(text)) throw new InvalidValue('holds spaces, control characters or letters outside ASCII; use printable ASCII without spaces');
  if (text.length < FEWEST_TOKEN_CHARACTERS) {
    throw new InvalidValue(`has ${text.length} characters, but needs ${FEWEST_TOKEN_CHARACTERS} or more; \`openssl rand -base64 32\` makes one`);
  }
  if (text.length > MOST_TOKEN_CHARACTERS) throw new InvalidValue(`has ${text.length} characters, but may have ${MOST_TOKEN_CHARACTERS} at most`);
  if (text.startsWith('kh_')) throw new InvalidValue('begins with kh_, like the tokens that Keyhold makes itself; choose another');
  return new SecretValue(text);
}

/** A token that Keyhold made. */
export function apiToken(text: string): SecretValue {
  if (!/^[\x21-\x7e]{1,512}$/u.test(text)) throw new InvalidValue('is no token: it holds spaces, control characters or letters outside ASCII');
  return new SecretValue(text);
}
