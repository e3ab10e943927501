import type { Socket } from 'node:net';
import { type AnswerHead, type AnswerHeads } from './answer-head.ts';
import { ChunkedBody } from './chunked-body.ts';
import { headerLines } from './header-lines.ts';
import { UpstreamFailure } from './upstream-failure.ts';

const HEAD_END = Buffer.from('\r\n\r\n', 'latin1');
/** As undici and node:http have it. */
const MAX_HEAD_BYTES = 16 * 1024;
/** A body up to here goes out in one piece with its head. */
const IN_ONE_PIECE = 64 * 1024;
/** No target ends its line (S5). */
const TARGET = /^\/[\x21-\x7e]*$/;

export interface OutgoingRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** A flat list; without `host`, `connection` and what frames the body. */
  readonly headers: readonly string[];
  /** More of them, as `headerLines` gives them. */
  readonly lines?: string;
  readonly body: Buffer | null;
  /** The same, one character a byte, where somebody has it. */
  readonly bodyText?: string | undefined;
}

/** What a call hears of its answer. Pieces of a body come in the turn in which they arrived, joined; their bytes are gone when the call returns. */
export interface CallEvents {
  head(status: number, headers: readonly string[]): void;
  data(bytes: Buffer): void;
  ended(): void;
  /** `sent`: the request may have reached the upstream. */
  failed(failure: UpstreamFailure, sent: boolean): void;
}

/** In milliseconds. */
export interface UpstreamTimes {
  readonly connectMs: number;
  /** From the request to the answer's head, and from one piece of the answer to the next. */
  readonly answerMs: number;
  /** How long an idle connection is kept. */
  readonly idleMs: number;
}

export interface UpstreamConnectionParts {
  /** For the header `host`. */
  readonly host: string;
  readonly heads: AnswerHeads;
  readonly times: UpstreamTimes;
  readonly now: () => number;
  /** Opens a socket; `connected` when it may be written to; `data` with bytes that are gone afterwards; `over` with another that lies over it and takes its place. */
  readonly connect: (connected: () => void, data: (bytes: Buffer) => void, over: (socket: Socket) => void) => Socket;
  /** It can carry another request: in the next turn, since the upstream's close may be what comes now. */
  readonly idle: (connection: UpstreamConnection) => void;
  readonly closed: (connection: UpstreamConnection) => void;
}

/** One connection to an upstream, with one call at a time. */
export class UpstreamConnection {
  /** Where the pool's list has it. */
  place = -1;
  readonly #parts: UpstreamConnectionParts;
  #socket: Socket;
  #connected = false;
  #deadline: number;
  #request: OutgoingRequest | undefined;
  #events: CallEvents | undefined;
  #sent = false;
  /** Bytes of a head that is not whole yet. */
  #early: Buffer | undefined;
  #head: AnswerHead | undefined;
  /** Bytes of the body that have not come, where its length is known. */
  #missing = 0;
  #chunks: ChunkedBody | undefined;
  /** What the system said went wrong; the close follows. */
  #cause: Error | undefined;
  /** On the clock of `now`: from then on nothing new is sent. */
  #keptUntil = 0;

  constructor(parts: UpstreamConnectionParts) {
    this.#parts = parts;
    this.#deadline = parts.now() + parts.times.connectMs;
    this.#socket = parts.connect(
      () => this.#begin(),
      (bytes) => this.#data(bytes),
      (socket) => {
        this.#socket = socket;
        this.#listen(socket);
      },
    );
    this.#listen(this.#socket);
  }

  /** Whether the next request may go this way. */
  isFresh(now: number): boolean {
    return !this.#socket.destroyed && now < this.#keptUntil;
  }

  /** Throws UpstreamFailure `bad_request` for one that could not be told apart from another. */
  send(request: OutgoingRequest, events: CallEvents): void {
    this.#request = request;
    this.#events = events;
    this.#sent = false;
    if (this.#connected) this.#write();
  }

  /** Reads no further. What does not come meanwhile is not late: nobody looks whether it does. */
  pause(): void {
    this.#deadline = Number.POSITIVE_INFINITY;
    this.#socket.pause();
  }

  resume(): void {
    if (this.#events !== undefined) this.#deadline = this.#parts.now() + this.#parts.times.answerMs;
    this.#socket.resume();
  }

  /** Ends the call, and with it the connection. */
  abort(): void {
    this.#events = undefined;
    this.#socket.destroy();
  }

  /** Ends what takes too long. */
  check(now: number): void {
    if (now < this.#deadline) return;
    const failure = this.#connected
      ? new UpstreamFailure('answer_timeout', 'The upstream did not go on with its answer in time.')
      : new UpstreamFailure('connect_timeout', 'No connection to the upstream could be made in time.');
    this.#fail(failure);
  }

  /** To what the connection is; one that lies under another, as TLS over a tunnel has one, is over when that is. */
  #listen(socket: Socket): void {
    socket.on('end', () => {
      if (socket === this.#socket) this.#end();
    });
    socket.on('error', (error: Error) => {
      this.#cause = error;
    });
    socket.on('close', () => {
      if (socket === this.#socket) this.#close();
    });
  }

  #begin(): void {
    this.#connected = true;
    this.#deadline = Number.POSITIVE_INFINITY;
    if (this.#request !== undefined) this.#write();
  }

  #write(): void {
    const request = this.#request;
    this.#request = undefined;
    if (request === undefined) return;
    let text: string;
    try {
      text = headText(request, this.#parts.host);
    } catch (error) {
      this.#fail(error instanceof UpstreamFailure ? error : new UpstreamFailure('bad_request', 'The request could not be written.', { cause: error }));
      return;
    }
    this.#sent = true;
    this.#deadline = this.#parts.now() + this.#parts.times.answerMs;
    const { body, bodyText } = request;
    if (body === null) this.#socket.write(text, 'latin1');
    else if (body.length <= IN_ONE_PIECE) this.#socket.write(text + (bodyText ?? body.toString('latin1')), 'latin1');
    else {
      this.#socket.cork();
      this.#socket.write(text, 'latin1');
      this.#socket.write(body);
      this.#socket.uncork();
    }
  }

  #data(bytes: Buffer): void {
    if (this.#events === undefined) {
      // Nobody asked for it, and the next call must not take it for its answer.
      this.#socket.destroy();
      return;
    }
    // Neither half a head nor hints before the answer are an answer.
    if (this.#head !== undefined && !this.#socket.isPaused()) this.#deadline = this.#parts.now() + this.#parts.times.answerMs;
    try {
      const rest = this.#head === undefined ? this.#readHead(bytes) : bytes;
      if (rest !== undefined) this.#readBody(rest);
    } catch (error) {
      this.#fail(error instanceof UpstreamFailure ? error : new UpstreamFailure('bad_answer', 'The upstream\'s answer could not be read.', { cause: error }));
    }
  }

  /** Gives what of the body came with the head; undefined while the head is not whole. */
  #readHead(bytes: Buffer): Buffer | undefined {
    let text = this.#early === undefined ? bytes : Buffer.concat([this.#early, bytes]);
    this.#early = undefined;
    for (;;) {
      const end = text.indexOf(HEAD_END);
      if (end > MAX_HEAD_BYTES || (end === -1 && text.length > MAX_HEAD_BYTES)) throw new UpstreamFailure('bad_answer', 'The head of the upstream\'s answer is too large.');
      if (end === -1) {
        this.#early = Buffer.from(text);
        return undefined;
      }
      const head = this.#parts.heads.read(text.toString('latin1', 0, end + 2));
      text = text.subarray(end + HEAD_END.length);
      if (head.status === 101) throw new UpstreamFailure('bad_answer', 'The upstream changes to another protocol.');
      // Hints before the answer are no answer (RFC 9110, section 15.2).
      if (head.status < 200) continue;
      this.#head = head;
      this.#deadline = this.#parts.now() + this.#parts.times.answerMs;
      this.#missing = head.framing.kind === 'length' ? head.framing.bytes : 0;
      this.#chunks = head.framing.kind === 'chunks' ? new ChunkedBody() : undefined;
      this.#events?.head(head.status, head.headers);
      return text;
    }
  }

  #readBody(bytes: Buffer): void {
    // The call may have ended while it heard of the head.
    if (this.#events === undefined || this.#head === undefined) return;
    const { kind } = this.#head.framing;
    if (kind === 'chunks') this.#readChunks(bytes);
    else if (kind === 'until-close') {
      if (bytes.length > 0) this.#events.data(bytes);
    } else {
      const own = bytes.length <= this.#missing ? bytes : bytes.subarray(0, this.#missing);
      this.#missing -= own.length;
      if (own.length > 0) this.#events.data(own);
      if (this.#missing === 0) this.#whole(own.length === bytes.length);
    }
  }

  #readChunks(bytes: Buffer): void {
    const chunks = this.#chunks;
    if (chunks === undefined || bytes.length === 0) return;
    let used = 0;
    try {
      used = chunks.feed(bytes);
    } finally {
      // What came before something that is no chunk has come.
      if (chunks.length > 0) this.#events?.data(bytes.subarray(0, chunks.length));
    }
    if (chunks.over) this.#whole(used === bytes.length);
  }

  /** The answer has come. `clean`: and nothing behind it. */
  #whole(clean: boolean): void {
    const events = this.#events;
    const head = this.#head;
    if (events === undefined || head === undefined) return;
    this.#events = undefined;
    this.#head = undefined;
    this.#chunks = undefined;
    this.#deadline = Number.POSITIVE_INFINITY;
    // An answer to a request that was not wanted whole: what is left of it would be read as the next one.
    if (head.keep && clean && this.#socket.writableLength === 0) this.#keep(head.keepMs);
    else this.#socket.destroy();
    events.ended();
  }

  #keep(toldMs: number | undefined): void {
    const { now, times, idle } = this.#parts;
    // A second earlier than the upstream said: it counts from when it sent, and a request is under way for a while.
    this.#keptUntil = now() + Math.min(times.idleMs, toldMs === undefined ? times.idleMs : toldMs - 1_000);
    this.#socket.resume();
    idle(this);
  }

  #end(): void {
    if (this.#events !== undefined && this.#head?.framing.kind === 'until-close') this.#whole(false);
    this.#socket.destroy();
  }

  #close(): void {
    this.#parts.closed(this);
    const kind = this.#connected ? 'closed' : 'unreachable';
    this.#fail(new UpstreamFailure(kind, kind === 'closed' ? 'The upstream closed the connection.' : 'The upstream cannot be reached.', { cause: this.#cause }));
  }

  #fail(failure: UpstreamFailure): void {
    const events = this.#events;
    this.#events = undefined;
    this.#deadline = Number.POSITIVE_INFINITY;
    this.#socket.destroy();
    events?.failed(failure, this.#sent);
  }
}

function headText({ method, path, headers, lines = '', body }: OutgoingRequest, host: string): string {
  if (!TARGET.test(path)) throw new UpstreamFailure('bad_request', 'The path has characters that no path has.');
  const length = body === null ? '' : String(body.length);
  const framing = length === '' && method === 'GET' ? '' : `content-length: ${length || '0'}\r\n`;
  return `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n${headerLines(headers)}${lines}${framing}\r\n`;
}
