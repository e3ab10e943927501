/** A frame larger than this is no event anybody sends (an image in base64 has some megabytes). */
const MAX_FRAME = 16 * 1024 * 1024;

/** The end of an event: an empty line, whichever of its three line ends a server uses (HTML, section 9.2.5). */
const BLANK_LINE = /\n\n|\r\n\r\n|\r\r|\n\r\n/g;
/** How many characters of a blank line may stand in the chunk before. */
const OVERLAP = 3;

/** Cuts a stream of events into frames, each with its blank line; all frames and the rest are the stream, byte for byte (latin1). */
export class SseFrames {
  #parts: string[] = [];
  #size = 0;

  /** The frames that are whole now. Throws a RangeError for a frame that is far too large. */
  push(chunk: string): string[] {
    const frames: string[] = [];
    const tail = this.#parts.length === 0 ? '' : this.#tail();
    const text = tail + chunk;
    const endOfNext = text.includes('\r') ? nextEnd : plainEnd;
    let from = 0;
    for (;;) {
      const end = endOfNext(text, from);
      if (end === -1) break;
      frames.push(this.#parts.length === 0 ? text.slice(from, end) : this.#joined(chunk.slice(0, end - tail.length)));
      from = end;
    }
    const rest = from === 0 ? chunk : text.slice(from);
    if (rest !== '') {
      this.#parts.push(rest);
      this.#size += rest.length;
      if (this.#size > MAX_FRAME) throw new RangeError('An event of the stream is too large.');
    }
    return frames;
  }

  /** What came after the last whole frame. */
  rest(): string {
    return this.#parts.join('');
  }

  #tail(): string {
    let tail = '';
    for (let at = this.#parts.length - 1; at >= 0 && tail.length < OVERLAP; at -= 1) tail = (this.#parts[at] ?? '') + tail;
    return tail.slice(-OVERLAP);
  }

  #joined(last: string): string {
    const frame = this.#parts.join('') + last;
    this.#parts = [];
    this.#size = 0;
    return frame;
  }
}

function plainEnd(text: string, from: number): number {
  const at = text.indexOf('\n\n', from);
  return at === -1 ? -1 : at + 2;
}

function nextEnd(text: string, from: number): number {
  BLANK_LINE.lastIndex = from;
  return BLANK_LINE.test(text) ? BLANK_LINE.lastIndex : -1;
}

/** One event of a frame, as the HTML standard reads it; undefined for comments alone. */
export interface SseEvent {
  /** Empty when the frame names none. */
  readonly name: string;
  readonly data: string;
}

/** Reads a frame; its data lines joined by newlines. */
export function sseEvent(frame: string): SseEvent {
  let name = '';
  let data: string | undefined;
  for (const line of frame.split(/\r\n|\n|\r/)) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const value = line.slice(line.charCodeAt(colon + 1) === 0x20 ? colon + 2 : colon + 1);
    if (line.startsWith('data:')) data = data === undefined ? value : `${data}\n${value}`;
    else if (line.startsWith('event:')) name = value;
  }
  return { name, data: data ?? '' };
}
