/**
 * The signed notes in a text as people keep them: the note itself, an answer of `GET /api/v1/audit/checkpoint`, or lines of the log
 * (event `audit_checkpoint`), other lines among them.
 */
export function checkpointsIn(text: string): readonly string[] {
  if (!text.trimStart().startsWith('{')) return text.trim() === '' ? [] : [text.endsWith('\n') ? text : `${text}\n`];
  const whole = checkpointOf(text);
  if (whole !== undefined) return [whole];
  return text.split('\n').flatMap((line) => checkpointOf(line) ?? []);
}

function checkpointOf(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'checkpoint' in value && typeof value.checkpoint === 'string' ? value.checkpoint : undefined;
  } catch {
    return undefined;
  }
}
