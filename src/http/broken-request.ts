import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { RandomBytes } from '../ports/clock.ts';
import { KeyholdError } from '../ports/errors.ts';
import { errorAnswer } from './error-answer.ts';
import { requestIdFor } from './request-id.ts';
import { securityHeaders } from './security-headers.ts';

interface ParserError extends Error {
  readonly code?: string;
  /** What has arrived; absent when nothing has. */
  readonly rawPacket?: Buffer;
}

/**
 * What cannot be read as an HTTP request is answered in the shape of every other error (R0.3), and its connection closed. A client
 * that vanished, one that never began a request, and one whose answer is under way are just disconnected.
 */
export function answerBrokenRequests(server: Server, random: RandomBytes, listensWithTls: boolean): void {
  const answering = new WeakMap<Duplex, ServerResponse>();
  const remember = (request: IncomingMessage, response: ServerResponse): void => {
    answering.set(request.socket, response);
  };
  server.prependListener('request', remember);
  server.prependListener('checkContinue', remember);
  server.on('clientError', (error: ParserError, socket: Duplex) => {
    const response = answering.get(socket);
    const isAnswered = response?.headersSent === true && !response.writableFinished;
    if (!socket.writable || error.code === 'ECONNRESET' || isAnswered || hasSentNothing(socket)) {
      socket.destroy();
      return;
    }
    socket.end(refusalText(new KeyholdError('invalid_argument', messageFor(error.code)), random, listensWithTls), () => socket.destroy());
  });
}

function hasSentNothing(socket: Duplex): boolean {
  return 'bytesRead' in socket && socket.bytesRead === 0;
}

/** A whole answer, for a connection on which nothing has been read that could be answered; the last one on it. */
export function refusalText(error: KeyholdError, random: RandomBytes, listensWithTls: boolean): string {
  const { status, headers, body } = errorAnswer(error, requestIdFor(undefined, random));
  const text = JSON.stringify(body);
  const lines = Object.entries({
    ...securityHeaders(listensWithTls),
    ...headers,
    'x-request-id': body.error.requestId,
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(text)),
    connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${text}`;
}

function messageFor(code: string | undefined): string {
  if (code === 'HPE_HEADER_OVERFLOW') return 'The headers of the request are too large. Send fewer or shorter ones.';
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'The request did not arrive in time. Send it again over a connection that is fast enough.';
  return 'What arrived is not an HTTP request.';
}
