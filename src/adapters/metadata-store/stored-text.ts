import { KeyholdError } from '../../ports/errors.ts';

/**
 * One kind of record as the JSON text that every adapter keeps, so that what comes back is a copy and nothing of it is lost. That a
 * text is of type `R` is the repository's word: only its own writes are in its table.
 */
export class StoredText<R extends object> {
  /** Throws `invalid_argument` for a NUL or a lone surrogate anywhere in the record, since not every database keeps them. */
  write(record: R): string {
    const text = JSON.stringify(record);
    // JSON.stringify escapes both, so that a text without these escapes holds neither; one that merely spells them is looked at closely.
    if ((text.includes('\\u0000') || text.includes('\\ud')) && holdsBadText(record)) throw badText();
    return text;
  }

  /** Throws `corrupt` for what is no JSON. */
  read(text: string): R {
    try {
      const record: R = JSON.parse(text);
      return record;
    } catch (error) {
      // The parser's own message quotes the text.
      throw unreadableRecord(`a body of ${text.length} characters is no JSON: ${error instanceof Error ? error.name : 'unknown'}`);
    }
  }
}

/** `corrupt`, for a record that says what none of ours says. `why` is for the log, and quotes nothing. */
export function unreadableRecord(why: string): KeyholdError {
  return new KeyholdError('corrupt', 'A record of the database cannot be read. Restore the database from a backup.', { cause: new Error(why) });
}

/**
 * How long a text may be by which something is found, in bytes of UTF-8. An index of PostgreSQL holds 2,704 bytes, and no key has more than three such texts
 * (https://www.postgresql.org/docs/current/btree.html). The API's own names end far below.
 */
const MOST_KEY_BYTES = 800;
/** What one UTF-16 unit becomes at most. */
const MOST_BYTES_PER_UNIT = 3;

/** Refuses texts of a key or a filter that not every database keeps: `invalid_argument` for a NUL, a lone surrogate, and more than 800 bytes. */
export function requireStorable(parts: readonly (string | number | null)[]): void {
  for (const part of parts) {
    if (typeof part !== 'string') continue;
    if (isBadText(part)) throw badText();
    if (part.length * MOST_BYTES_PER_UNIT > MOST_KEY_BYTES && Buffer.byteLength(part) > MOST_KEY_BYTES) {
      throw new KeyholdError('invalid_argument', `A name has more than ${MOST_KEY_BYTES} bytes. Use a shorter one.`);
    }
  }
}

function holdsBadText(value: unknown): boolean {
  if (typeof value === 'string') return isBadText(value);
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([name, item]) => isBadText(name) || holdsBadText(item));
}

function isBadText(text: string): boolean {
  return text.includes('\0') || !text.isWellFormed();
}

function badText(): KeyholdError {
  return new KeyholdError('invalid_argument', 'A text holds a NUL character or half of a surrogate pair. Remove it and send the request again.');
}
