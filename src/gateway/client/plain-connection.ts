import type { Socket } from 'node:net';
import type { ClientCertificate } from '../../core/access/client-certificate.ts';
import type { ClientAddresses } from './client-address.ts';
import type { ClientCertificates } from './client-certificates.ts';
import type { ClientRequest, ClientResponse } from './client.ts';
import type { PlainHeads } from './plain-head.ts';
import { PlainRequest } from './plain-request.ts';
import { PlainResponse } from './plain-response.ts';
import { type KnownPlainHead, RepeatedHead } from './repeated-head.ts';

/** Between the head of a request and its body. */
const HEAD_END = Buffer.from('\r\n\r\n', 'latin1');
/** How every plain head begins, once so much of it is there. */
const BEGINNING = /^(?:G|GE|GET|GET |GET \/.*|P|PO|POS|POST|POST |POST \/.*)$/s;
const LONGEST_BEGINNING = 'POST /'.length;
/** A longer body is for node:http, which takes it in without our help. */
const MAX_BODY_BYTES = 1024 * 1024;

/** In milliseconds, and bytes; the listener's (`ServerLimits`). */
export interface PlainLimits {
  readonly headMs: number;
  readonly requestMs: number;
  readonly idleMs: number;
  readonly headBytes: number;
}

export interface PlainConnectionParts {
  readonly limits: PlainLimits;
  readonly heads: PlainHeads;
  readonly addresses: ClientAddresses;
  readonly certificates: ClientCertificates;
  readonly now: () => number;
  /** For the header `date`. */
  readonly date: () => string;
  /** Header lines that say how long an idle connection is kept: clients close in time by them, and meet no closing connection. */
  readonly kept: string;
  readonly owns: (target: string) => boolean;
  readonly serve: (request: ClientRequest, response: ClientResponse) => void;
  /** Somebody else reads the connection from here on, these bytes first. */
  readonly handOver: (connection: PlainConnection, bytes: Buffer | undefined) => void;
  readonly closed: (connection: PlainConnection) => void;
}

/**
 * One client's connection, as long as its requests are plain: read here, one after the other. The first that is not, or is not the
 * gateway's, hands the connection over for good.
 */
export class PlainConnection {
  readonly socket: Socket;
  /** Where the listener's list has it. */
  place = -1;
  readonly #parts: PlainConnectionParts;
  /** On the listener's clock; what must have happened by then has taken too long. */
  #deadline: number;
  #request: PlainRequest | undefined;
  #response: PlainResponse | undefined;
  /** Bytes of a head that is not whole yet, or of requests that came before the answer to the one before had left. */
  #early: Buffer<ArrayBuffer> | undefined;
  readonly #lastHead = new RepeatedHead();
  #isAnswered = false;
  #endsAfterAnswer = false;
  readonly #onData = (bytes: Buffer<ArrayBuffer>): void => this.#data(bytes);
  readonly #onDrain = (): void => this.#response?.drained();
  /** Half of a connection is of no use here: who stops sending is taken to have left, as node:http has it. */
  readonly #onEnd = (): void => void this.socket.destroy();
  /** A close follows. */
  readonly #onError = (): void => undefined;
  readonly #onClose = (): void => this.#lost();

  constructor(socket: Socket, parts: PlainConnectionParts) {
    this.socket = socket;
    this.#parts = parts;
    this.#deadline = parts.now() + parts.limits.headMs;
    socket.on('data', this.#onData).on('drain', this.#onDrain).on('end', this.#onEnd).on('error', this.#onError).on('close', this.#onClose);
  }

  /** Whom a request with these headers comes from. */
  clientAddress(rawHeaders: readonly string[]): string {
    return this.#parts.addresses.of(this.socket.remoteAddress, rawHeaders);
  }

  get clientCertificate(): ClientCertificate | undefined {
    return this.#parts.certificates.of(this.socket);
  }

  /** No request is under way on it, not even a part of one. */
  get isIdle(): boolean {
    return this.#response === undefined && this.#early === undefined;
  }

  resume(): void {
    this.socket.resume();
  }

  /** Ends it where something has taken too long. */
  check(now: number): void {
    if (now < this.#deadline) return;
    if (this.#request === undefined && this.#early !== undefined) {
      // Half a head: node:http tells what is wrong with that.
      this.#parts.handOver(this, this.#early);
      return;
    }
    this.#deadline = Number.POSITIVE_INFINITY;
    // Answered, if anybody can still answer; the connection is of no use afterwards.
    this.#endsAfterAnswer = true;
    if (this.#request?.late() !== true) this.socket.destroy();
  }

  /** Takes our hands off. */
  release(): void {
    this.socket.off('data', this.#onData).off('drain', this.#onDrain).off('end', this.#onEnd).off('error', this.#onError).off('close', this.#onClose);
  }

  #data(bytes: Buffer<ArrayBuffer>): void {
    const request = this.#request;
    if (request === undefined) {
      this.#begin(bytes);
      return;
    }
    const isBody = request.missing > 0;
    // Nobody answers what comes behind a last answer, so nobody may serve it either.
    if (!isBody && this.#isOver) return;
    const rest = isBody ? request.take(bytes) : bytes;
    if (rest !== undefined && !this.#isOver) {
      this.#early = this.#early === undefined ? rest : Buffer.concat([this.#early, rest]);
      this.socket.pause();
    }
    if (isBody && request.missing === 0) this.#bodyThere();
  }

  #begin(arrived: Buffer<ArrayBuffer>): void {
    const { limits, handOver, serve, now, date, kept } = this.#parts;
    const bytes = this.#early === undefined ? arrived : Buffer.concat([this.#early, arrived]);
    this.#early = undefined;
    const end = bytes.indexOf(HEAD_END);
    if (end === -1 && bytes.length < limits.headBytes && BEGINNING.test(bytes.toString('latin1', 0, LONGEST_BEGINNING))) {
      // In pieces, as networks cut it; how long it may take counts from its first.
      this.#early = bytes;
      if (bytes.length === arrived.length) this.#deadline = now() + limits.headMs;
      return;
    }
    const found = end === -1 || end > limits.headBytes ? undefined : (this.#lastHead.find(bytes, end + 2) ?? this.#read(bytes, end + 2));
    if (found === undefined || found.head.length > MAX_BODY_BYTES) {
      handOver(this, bytes);
      return;
    }
    const request = new PlainRequest(found.head, found.known, this);
    const response = new PlainResponse(this.socket, date, kept, (last) => this.#answered(last));
    this.#request = request;
    this.#response = response;
    const bodyAt = end + HEAD_END.length;
    this.#early = bodyAt === bytes.length ? undefined : request.take(bytes.subarray(bodyAt));
    if (request.missing > 0) {
      // Not a byte more until somebody wants it (S34).
      this.socket.pause();
      this.#deadline = now() + limits.requestMs;
    } else {
      this.#deadline = Number.POSITIVE_INFINITY;
      if (this.#early !== undefined) this.socket.pause();
    }
    serve(request, response);
  }

  /** The head that these bytes are up to `end`, where it is plain and ours to answer. */
  #read(bytes: Buffer, end: number): KnownPlainHead | undefined {
    const { heads, owns } = this.#parts;
    const head = heads.read(bytes.toString('latin1', 0, end));
    return head === undefined || !owns(head.target) ? undefined : { head, known: this.#lastHead.remember(bytes, end, head) };
  }

  /** All of a refused request's body is gone by, or the last of a wanted one has come. */
  #bodyThere(): void {
    if (this.#isOver) return;
    this.#deadline = Number.POSITIVE_INFINITY;
    if (this.#isAnswered) this.#next();
  }

  /** The last answer has left; it is only waited for the client to close, so that no reset overtakes it. */
  get #isOver(): boolean {
    return this.#isAnswered && this.#endsAfterAnswer;
  }

  #answered(last: boolean): void {
    this.#isAnswered = true;
    if (last || this.#endsAfterAnswer) {
      this.#endsAfterAnswer = true;
      this.#early = undefined;
      this.socket.end();
      // Else the client's end would not be seen.
      this.socket.resume();
      this.#deadline = this.#parts.now() + this.#parts.limits.headMs;
      return;
    }
    // What is left of a refused body comes first, in its own time.
    if (this.#request?.missing === 0) this.#next();
  }

  #next(): void {
    this.#request = undefined;
    this.#response = undefined;
    this.#isAnswered = false;
    this.#deadline = this.#parts.now() + this.#parts.limits.idleMs;
    const early = this.#early;
    if (early === undefined) return;
    this.#early = undefined;
    // Not from within the answer before.
    process.nextTick(() => {
      if (this.socket.destroyed) return;
      this.socket.resume();
      this.#data(early);
    });
  }

  #lost(): void {
    this.#parts.closed(this);
    this.#request?.lost();
    this.#response?.lost();
  }
}
