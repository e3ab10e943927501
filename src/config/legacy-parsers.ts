import { isFernetKey } from '../core/crypto/legacy/fernet.ts';
import { SecretValue } from '../ports/secret-value.ts';
import { InvalidValue, quoted } from './invalid-value.ts';

const MOST_FERNET_KEYS = 32;

/** The passphrase of an earlier system, exactly as it is: spaces and other letters may belong to it. */
export function legacyKey(text: string): SecretValue {
  if (/[\r\n\0]/u.test(text)) throw new InvalidValue('holds a line break or a NUL; give the passphrase alone, in one line');
  return new SecretValue(text);
}

/** Fernet keys between commas or spaces, the newest first. Never quoted. */
export function fernetKeys(text: string): readonly SecretValue[] {
  const keys = text.split(/[\s,]+/u).filter((key) => key !== '');
  const wrong = keys.findIndex((key) => !isFernetKey(key));
  if (wrong !== -1) throw new InvalidValue(`has a key that is no Fernet key, at position ${wrong + 1}; each is 44 characters of URL-safe base64 and ends with "="`);
  if (keys.length > MOST_FERNET_KEYS) throw new InvalidValue(`has ${keys.length} keys, but may have ${MOST_FERNET_KEYS} at most`);
  return Object.freeze(keys.map((key) => new SecretValue(key)));
}

/** A parser for a whole number in bounds. */
export function wholeNumber({ from, to, powerOfTwo = false }: { readonly from: number; readonly to: number; readonly powerOfTwo?: boolean }): (text: string) => number {
  return (text) => {
    const number = /^\d{1,9}$/u.test(text) ? Number(text) : Number.NaN;
    const fits = number >= from && number <= to && (!powerOfTwo || Number.isInteger(Math.log2(number)));
    if (!fits) throw new InvalidValue(`is ${quoted(text)}, but must be ${powerOfTwo ? 'a power of two' : 'a whole number'} from ${from} to ${to}`);
    return number;
  };
}
