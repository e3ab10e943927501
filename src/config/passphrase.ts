import { SecretValue } from '../ports/secret-value.ts';
import { InvalidValue } from './invalid-value.ts';

const FEWEST_CHARACTERS = 16;
const MOST_CHARACTERS = 1024;
const FEWEST_DIFFERENT = 8;
const ADVICE = '`openssl rand -base64 24` makes a good one, and so do six words drawn with dice';

/** What guessers try first; a passphrase that is little more than one of these is weak, however long. */
const COMMON = ['correct horse battery staple', 'correcthorsebatterystaple', 'passphrase', 'password', 'qwertyuiop', 'letmein', 'changeme', 'secret', 'keyhold', 'admin', '1234567890', 'abcdefghijklmnopqrstuvwxyz'];

/**
 * A passphrase that wraps the root key. Argon2id makes guessing slow, not impossible, and whoever has a copy of the database can guess for years: weak ones
 * are refused. Nothing of it is ever quoted.
 */
export function passphrase(text: string): SecretValue {
  if (/[\r\n\t]/u.test(text) || text !== text.trim()) throw new InvalidValue('begins or ends with a space, or holds a newline or a tab; remove it');
  if (!text.isWellFormed() || /\p{Cc}/u.test(text)) throw new InvalidValue('holds control characters or broken ones; use letters, digits, punctuation and single spaces');
  const characters = Array.from(text);
  if (characters.length < FEWEST_CHARACTERS) throw new InvalidValue(`is too weak: it has ${characters.length} characters, and needs ${FEWEST_CHARACTERS} or more; ${ADVICE}`);
  if (characters.length > MOST_CHARACTERS) throw new InvalidValue(`has ${characters.length} characters, but may have ${MOST_CHARACTERS} at most`);
  if (new Set(characters).size < FEWEST_DIFFERENT) throw new InvalidValue(`is too weak: it repeats a few characters; ${ADVICE}`);
  const rest = COMMON.reduce((left, common) => left.replaceAll(common, ''), unrepeated(text.toLowerCase()));
  if (unrepeated(rest).length < FEWEST_DIFFERENT) throw new InvalidValue(`is too weak: it is, or repeats, what guessers try first; ${ADVICE}`);
  return new SecretValue(text);
}

/** `abcabcabc` as `abc`. */
function unrepeated(text: string): string {
  const again = `${text}${text}`.indexOf(text, 1);
  return again > 0 && again < text.length ? text.slice(0, again) : text;
}
