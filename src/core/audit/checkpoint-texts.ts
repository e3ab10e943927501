/** What a signature's line under a note begins with (https://c2sp.org/signed-note). */
const SIGNATURE = '\u2014 ';

/**
 * The signed notes in a text as people keep them: notes themselves, answers of `GET /api/v1/audit/checkpoint`, or lines of the log (event
 * `audit_checkpoint`), other lines among them and whatever a collector of logs puts before each. None is believed by that.
 */
export function checkpointsIn(text: string): readonly string[] {
  const whole = checkpointOf(text);
  if (whole !== undefined) return [whole];
  // What an editor or a transfer as text adds is not signed either way.
  const plain = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  return [...plain.split('\n').flatMap((line) => checkpointInLine(line) ?? []), ...bareNotes(plain)];
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

function checkpointInLine(line: string): string | undefined {
  const start = line.indexOf('{');
  return start < 0 ? undefined : checkpointOf(line.slice(start));
}

function checkpointOf(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'checkpoint' in value && typeof value.checkpoint === 'string' ? value.checkpoint : undefined;
  } catch {
    return undefined;
  }
}
