import { isFieldValue } from '../field-value.ts';
import { UpstreamFailure } from './upstream-failure.ts';

/** A flat list of headers as the lines of a head. Throws UpstreamFailure `bad_request` for a value that would end its line (S5). */
export function headerLines(headers: readonly string[]): string {
  let lines = '';
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const value = headers[at + 1] ?? '';
    if (!isFieldValue(value)) throw new UpstreamFailure('bad_request', `The header ${headers[at] ?? ''} has characters that no header has.`);
    lines += `${headers[at] ?? ''}: ${value}\r\n`;
  }
  return lines;
}
