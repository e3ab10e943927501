import type { IncomingMessage } from 'node:http';
import { MAX_HEADER_LINES } from '../gateway/client/plain-head.ts';

/** What is wrong with a head that Node's parser lets through, or whose refusal by Node would have no body; for whoever sent it. */
export function headFault({ httpVersion, headers, rawHeaders }: Pick<IncomingMessage, 'httpVersion' | 'headers' | 'rawHeaders'>): string | undefined {
  if (rawHeaders.length > 2 * MAX_HEADER_LINES) return `The request has more than ${MAX_HEADER_LINES} header lines. Send fewer.`;
  // Node reads the heads of HTTP/0.9 and 2.0 as if they were 1.1's, and asks neither for a host.
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return 'The request is neither HTTP/1.1 nor HTTP/1.0. Send it as HTTP/1.1.';
  // RFC 9112, section 3.2.
  if (httpVersion === '1.1' && headers.host === undefined) return 'The request has no Host header, which HTTP/1.1 demands.';
  // RFC 9112, section 6.1: its framing is faulty, and what comes behind it is not to be read.
  if (httpVersion === '1.0' && headers['transfer-encoding'] !== undefined) return 'HTTP/1.0 knows no Transfer-Encoding. Send the request as HTTP/1.1, or with a Content-Length.';
  return undefined;
}
