import { isUtf8 } from 'node:buffer';
import { KeyholdError } from '../ports/errors.ts';
import type { BodyFacts } from './body-facts.ts';
import type { CompiledRules } from './body-rules.ts';
import { scanBody } from './body-scan.ts';

/** The facts of a body; `text`: the same, one character a byte. Throws `invalid_argument` for bytes that are not UTF-8 and for everything `scanBody` refuses. */
export function readFacts(body: Buffer, rules: CompiledRules, text = body.toString('latin1')): BodyFacts {
  if (!isUtf8(body)) throw new KeyholdError('invalid_argument', 'The request body is not UTF-8 text. Send JSON encoded as UTF-8.');
  return scanBody(text, rules);
}
