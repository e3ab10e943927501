const NAME = /^([0-9a-f]{16})-(\d{10})\.jsonl$/u;
const UNFINISHED = /^[0-9a-f]{16}-\d{10}\.jsonl\.tmp$/u;

export function segmentFileName(journal: string, segment: number): string {
  return `${journal}-${String(segment).padStart(10, '0')}.jsonl`;
}

/** A segment is written under this name until it is complete, so that a segment's file is never half a carry or half a recovery. */
export function unfinishedName(path: string): string {
  return `${path}.tmp`;
}

export function isUnfinished(name: string): boolean {
  return UNFINISHED.test(name);
}

/** Which segment a file name stands for; undefined for other files. */
export function parseSegmentName(name: string): { readonly journal: string; readonly segment: number } | undefined {
  const [, journal, segment] = NAME.exec(name) ?? [];
  return journal === undefined || segment === undefined ? undefined : { journal, segment: Number(segment) };
}

const MARK = /^([0-9a-f]{16})\.held$/u;

/** The mark of a journal under whose name something was leased. */
export function markName(journal: string): string {
  return `${journal}.held`;
}

/** Whose mark a file name stands for; undefined for other files. */
export function parseMarkName(name: string): string | undefined {
  return MARK.exec(name)?.[1];
}
