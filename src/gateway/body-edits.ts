import type { BodyFacts, Span } from './body-facts.ts';

interface Edit extends Span {
  readonly text: string;
}

/** Puts another model name where the top-level one stands; everything else keeps its bytes (R5.6). */
export function modelEdit(span: Span, model: string): Edit {
  return { ...span, text: JSON.stringify(model) };
}

/**
 * What makes a stream tell its usage, or undefined when the body asks for it already or cannot ask (a `stream_options` of another
 * type is the provider's to refuse).
 */
export function includeUsageEdit({ streamOptions, firstKeyAt, empty }: BodyFacts): Edit | undefined {
  if (streamOptions === null) {
    return { start: firstKeyAt, end: firstKeyAt, text: `"stream_options":{"include_usage":true}${empty ? '' : ','}` };
  }
  if (streamOptions.kind === 'other') return undefined;
  if (streamOptions.kind === 'null') return { ...streamOptions.span, text: '{"include_usage":true}' };
  if (streamOptions.includeUsage !== null) {
    return streamOptions.includeUsage.asked ? undefined : { ...streamOptions.includeUsage.span, text: 'true' };
  }
  const inside = streamOptions.span.start + 1;
  return { start: inside, end: inside, text: `"include_usage":true${streamOptions.empty ? '' : ','}` };
}

/** The body with the edits applied; itself when there are none. Edits do not overlap. */
export function editBody(body: Buffer, edits: readonly Edit[]): Buffer {
  if (edits.length === 0) return body;
  const parts: Buffer[] = [];
  let from = 0;
  for (const { start, end, text } of edits.toSorted((a, b) => a.start - b.start)) {
    parts.push(body.subarray(from, start), Buffer.from(text, 'utf8'));
    from = end;
  }
  parts.push(body.subarray(from));
  return Buffer.concat(parts);
}
