import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { isFieldValue } from '../field-value.ts';
import { headerLines } from '../upstream/header-lines.ts';
import { BEFORE_RESET_MS, type ClientResponse, LAST_WORDS_MS, resetConnection, SECURITY_HEADERS } from './client.ts';

/** The same in every answer, and looked at by nobody again. */
const SECURITY_LINES = headerLines(SECURITY_HEADERS);
const NAME = /^[!#$%&'*+\-.^_`|~\w]+$/;
const MAX_KNOWN_NAMES = 512;
const knownNames = new Set<string>();
/** Up to here a piece of a body is joined to its frame: a copy costs less than a second write. */
const COPIED_BYTES = 4 * 1024;

/** How the body is told apart from what follows it (RFC 9112, section 6). */
type Framing = 'length' | 'chunks' | 'none';

/** An answer written onto a connection by ourselves. */
export class PlainResponse implements ClientResponse {
  readonly #socket: Socket;
  /** Called when the last byte is with the operating system and the connection may go on; `last`: it may not. */
  readonly #ended: (last: boolean) => void;
  readonly #date: () => string;
  /** The header lines of an answer after which the connection is kept. */
  readonly #kept: string;
  /** The head, until it leaves with the first bytes. */
  #head = '';
  #framing: Framing = 'none';
  #last = false;
  /** `left`: the connection is the next answer's. */
  #state: 'silent' | 'begun' | 'ended' | 'left' | 'gone' = 'silent';
  #drained: (() => void) | undefined;
  /** The last byte is with the operating system. */
  readonly #finish = (): void => {
    if (this.#state !== 'ended') return;
    this.#state = 'left';
    this.#close();
    this.#ended(this.#last);
  };
  #closed: (() => void) | undefined;
  status = 0;

  constructor(socket: Socket, date: () => string, kept: string, ended: (last: boolean) => void) {
    this.#socket = socket;
    this.#date = date;
    this.#kept = kept;
    this.#ended = ended;
  }

  get headSent(): boolean {
    return this.status !== 0;
  }

  get gone(): boolean {
    return this.#state === 'gone';
  }

  get over(): boolean {
    return this.#state === 'gone' || this.#state === 'ended' || this.#state === 'left';
  }

  head(status: number, headers: readonly string[], last: boolean): void {
    if (this.headSent) throw new Error('The head of an answer was given twice.');
    let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n${SECURITY_LINES}`;
    let hasLength = false;
    for (let at = 0; at + 1 < headers.length; at += 2) {
      const name = headers[at] ?? '';
      const value = headers[at + 1] ?? '';
      if (!isFieldValue(value) || !isName(name)) throw new Error(`The header ${JSON.stringify(name)} cannot be sent.`);
      text += `${name}: ${value}\r\n`;
      hasLength ||= name === 'content-length';
    }
    const isEmpty = status === 204 || status === 304;
    this.#framing = isEmpty ? 'none' : hasLength ? 'length' : 'chunks';
    if (this.#framing === 'chunks') text += 'transfer-encoding: chunked\r\n';
    this.#last = last;
    text += last ? 'connection: close\r\n' : this.#kept;
    this.#head = `${text}date: ${this.#date()}\r\n\r\n`;
    this.status = status;
  }

  flushHead(): void {
    if (this.#head === '' || this.over) return;
    this.#state = 'begun';
    this.#socket.write(this.#takeHead(), 'latin1');
  }

  write(bytes: string | Buffer): boolean {
    if (this.over || bytes.length === 0 || this.#framing === 'none') return true;
    this.#state = 'begun';
    return this.#send(bytes, false);
  }

  end(bytes: string | Buffer): void {
    if (this.over) return;
    this.#state = 'ended';
    this.#send(this.#framing === 'none' ? '' : bytes, true);
  }

  breakOff(lastWords: string): void {
    if (this.#state === 'gone' || this.#state === 'left') return;
    const socket = this.#socket;
    const reset = (): void => resetConnection(socket);
    if (lastWords === '' || this.#state === 'ended') {
      reset();
      return;
    }
    this.#state = 'ended';
    const late = setTimeout(reset, LAST_WORDS_MS);
    const text = Buffer.from(lastWords, 'utf8').toString('latin1');
    socket.write(this.#takeHead() + (this.#framing === 'chunks' ? chunk(text) : text), 'latin1', () => {
      clearTimeout(late);
      setTimeout(reset, BEFORE_RESET_MS);
    });
  }

  destroy(): void {
    if (this.#state !== 'left') this.#socket.destroy();
  }

  onDrain(drained: () => void): void {
    this.#drained = drained;
  }

  onClosed(closed: () => void): void {
    this.#closed = closed;
  }

  /** For the connection: the client reads on. */
  drained(): void {
    if (!this.over) this.#drained?.();
  }

  /** For the connection: it is closed. */
  lost(): void {
    if (this.#state === 'gone') return;
    this.#state = 'gone';
    this.#close();
  }

  #close(): void {
    const closed = this.#closed;
    this.#closed = undefined;
    closed?.();
  }

  #takeHead(): string {
    const head = this.#head;
    this.#head = '';
    return head;
  }

  #send(bytes: string | Buffer, isEnd: boolean): boolean {
    const head = this.#takeHead();
    const isChunked = this.#framing === 'chunks';
    const terminator = isChunked && isEnd ? '0\r\n\r\n' : '';
    if (typeof bytes === 'string' || bytes.length <= COPIED_BYTES) {
      const text = typeof bytes === 'string' ? bytes : bytes.toString('latin1');
      return this.#socket.write(head + (isChunked ? chunk(text) : text) + terminator, 'latin1', isEnd ? this.#finish : undefined);
    }
    this.#socket.cork();
    const before = head + (isChunked ? `${bytes.length.toString(16)}\r\n` : '');
    if (before !== '') this.#socket.write(before, 'latin1');
    const more = this.#socket.write(bytes, isChunked || !isEnd ? undefined : this.#finish);
    if (isChunked) this.#socket.write(`\r\n${terminator}`, 'latin1', isEnd ? this.#finish : undefined);
    this.#socket.uncork();
    return more;
  }
}

/** Whether it can be the name of a header. Answers have the same few names again and again. */
function isName(name: string): boolean {
  if (knownNames.has(name)) return true;
  if (!NAME.test(name)) return false;
  if (knownNames.size < MAX_KNOWN_NAMES) knownNames.add(name);
  return true;
}

/** Framed (RFC 9112, section 7.1); nothing for no bytes, since an empty chunk ends the body. */
function chunk(text: string): string {
  return text === '' ? '' : `${text.length.toString(16)}\r\n${text}\r\n`;
}
