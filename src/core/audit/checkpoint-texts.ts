/** What a signature's line under a note begins with (https://c2sp.org/signed-note). */
const SIGNATURE = '\u2014 ';

/**
 * The signed notes in a text as people keep them: notes themselves, answers of `GET /api/v1/audit/checkpoint`, or lines of the log (event
 * `audit_checkpoint`), other lines among them and whatever a collector of logs puts before each. None is believed by that.
 */
export function checkpointsIn(text: string): readonly string[] {
  const whole = checkpointsOf(text);
  if (whole.length > 0) return whole;
  // What an editor or a transfer as text adds is not signed either way.
  const plain = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  return [...plain.split('\n').flatMap(checkpointsInLine), ...bareNotes(plain)];
}

/** Notes that stand in the text by themselves: lines, an empty line, signatures. */
function bareNotes(text: string): readonly string[] {
  const parts = text.split('\n\n').map((part) => part.split('\n'));
  return parts.flatMap((lines, index) => {
    const body = lines.slice(signaturesIn(lines)).filter((line) => line !== '');
    const under = parts[index + 1] ?? [];
    const signatures = under.slice(0, signaturesIn(under));
    return body.length === 0 || signatures.length === 0 ? [] : [`${body.join('\n')}\n\n${signatures.join('\n')}\n`];
  });
}

/** How many signatures' lines these begin with. */
function signaturesIn(lines: readonly string[]): number {
  const other = lines.findIndex((line) => !line.startsWith(SIGNATURE));
  return other < 0 ? lines.length : other;
}

function checkpointsInLine(line: string): readonly string[] {
  const start = line.indexOf('{');
  return start < 0 ? [] : checkpointsOf(line.slice(start));
}

/** The one of a JSON object, and the one that a witness has signed, too. */
function checkpointsOf(text: string): readonly string[] {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return [];
    return [value, 'witness' in value ? value.witness : null].flatMap((holder) =>
      typeof holder === 'object' && holder !== null && 'checkpoint' in holder && typeof holder.checkpoint === 'string' ? [holder.checkpoint] : [],
    );
  } catch {
    return [];
  }
}
