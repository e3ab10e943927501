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
      throw new KeyholdError('corrupt', 'A record of the database cannot be read. Restore the database from a backup.', {
        cause: new Error(`a body of ${text.length} characters is no JSON: ${error instanceof Error ? error.name : 'unknown'}`),
      });
    }
  }
}

/** Refuses texts of a key or a filter that not every database keeps: `invalid_argument`. */
export function requireStorable(parts: readonly (string | number | null)[]): void {
  for (const part of parts) {
    if (typeof part === 'string' && isBadText(part)) throw badText();
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
