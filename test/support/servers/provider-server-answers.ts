import type { IncomingHttpHeaders, ServerResponse } from 'node:http';

/** A request as it arrived, byte for byte. */
export interface RecordedRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly rawHeaders: readonly string[];
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The key it came with, wherever it stood. */
  readonly key: string;
  /** The client left before its answer was complete. */
  aborted: boolean;
  /** Bytes of an endless answer that the system has taken so far. */
  sentBytes: number;
}

/** Sums of what the server has told its clients to have used. */
export interface ReportedUsage {
  requests: number;
  inputTokens: number;
  outputTokens: number;
}

/** What an answer is written with. */
export interface AnswerTools {
  readonly response: ServerResponse;
  readonly recorded: RecordedRequest;
  /** Notes a usage as told. */
  readonly report: (inputTokens: number, outputTokens: number) => void;
  /** Waits; ends early when the client leaves. */
  readonly pause: (milliseconds: number) => Promise<void>;
}

export type JsonObject = Readonly<Record<string, unknown>>;

/** What the fake model says to a text. */
export function reply(prompt: string): string[] {
  const about = prompt.trim().slice(-60).replaceAll(/\s+/g, ' ');
  return ['Hello', ' from', ' the', ' local', ' provider', ' 👋.', ' You', ' said:', ` “${about}”`];
}

/** Four bytes to a token, as good as any count that everybody can repeat. */
export function tokensIn(value: unknown): number {
  return Math.max(1, Math.ceil(Buffer.byteLength(typeof value === 'string' ? value : JSON.stringify(value ?? '')) / 4));
}

export function sendJson(response: ServerResponse, status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): void {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length, ...headers });
  response.end(body);
}

/** How a stream goes wrong, told by the model's name; whole where it is none of these. */
export type StreamFault = 'cut-midstream' | 'clean-end-without-done' | 'slow' | 'endless' | 'flood' | 'split' | 'crlf' | 'burst' | 'none';

export function streamFault(model: string): StreamFault {
  const faults: readonly StreamFault[] = ['cut-midstream', 'clean-end-without-done', 'slow', 'endless', 'flood', 'split', 'crlf', 'burst'];
  return faults.find((fault) => model.startsWith(fault)) ?? 'none';
}

/**
 * Writes a stream of events in the way the fault says. `repeat` makes the middle event of a stream that never ends. Resolves when
 * the answer is over, however it ended.
 */
export async function sendEvents(tools: AnswerTools, frames: readonly string[], fault: StreamFault, repeat: string): Promise<void> {
  const { response } = tools;
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache', ...accountHeaders });
  if (fault === 'burst') {
    response.end(frames.join(''));
    return;
  }
  const half = Math.ceil(frames.length / 2);
  for (const [index, frame] of frames.entries()) {
    if (response.destroyed) return;
    if (index === half && fault === 'cut-midstream') {
      response.write(frame.slice(0, Math.floor(frame.length / 2)), () => response.socket?.destroy());
      return;
    }
    if (index === half && fault === 'endless') await sendForever(tools, repeat, 1);
    if (index === half && fault === 'flood') await sendForever(tools, repeat.repeat(400), 0);
    if (index >= half && fault === 'clean-end-without-done') break;
    await writeFrame(tools, frame, fault);
  }
  response.end();
}

async function writeFrame(tools: AnswerTools, frame: string, fault: StreamFault): Promise<void> {
  const { response } = tools;
  const bytes = Buffer.from(fault === 'crlf' ? frame.replaceAll('\n', '\r\n') : frame);
  if (fault === 'split') {
    for (let at = 0; at < bytes.length; at += 7) {
      response.write(bytes.subarray(at, at + 7));
      await tools.pause(0);
    }
    return;
  }
  response.write(bytes);
  await tools.pause(fault === 'slow' ? 100 : 1);
}

/** Until the client leaves; stops while it does not read. */
async function sendForever({ response, recorded, pause }: AnswerTools, frame: string, milliseconds: number): Promise<void> {
  while (!response.destroyed) {
    recorded.sentBytes += frame.length;
    if (response.write(frame)) await pause(milliseconds);
    else await drained(response);
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      response.off('drain', over).off('close', over);
      resolve();
    };
    response.on('drain', over).on('close', over);
  });
}

/** What a real provider tells of the account, and what a gateway must not pass on. */
export const accountHeaders: Readonly<Record<string, string>> = {
  'openai-organization': 'org-local-account',
  'x-ratelimit-remaining-requests': '4999',
  'anthropic-organization-id': 'org-local-account',
  'set-cookie': 'session=local; Path=/',
  'strict-transport-security': 'max-age=31536000',
  'alt-svc': 'h3=":443"',
};
