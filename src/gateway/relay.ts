import type { RouteSpec } from '../core/catalog/service.ts';
import type { KeyholdError } from '../ports/errors.ts';
import type { MeteredCounts } from '../ports/usage.ts';
import type { ClientAnswer } from './client-answer.ts';
import type { Ending, Meter } from './meter.ts';
import type { Upstream } from './upstreams.ts';

/** A flat list: name in lower case, value, name, value … */
export type UpstreamHeaders = readonly string[];

/** How a relay slows down or ends the upstream that feeds it. */
export interface Flow {
  pause(): void;
  resume(): void;
  /** Ends the upstream call; the relay hears nothing more. */
  abort(): void;
}

/** Carries one upstream answer to the client. */
export interface Relay {
  /** The bytes are gone afterwards: what is kept is copied. */
  data(chunk: Buffer): void;
  /** The upstream's answer ended in order. */
  end(): void;
  /** It did not. */
  broke(error: KeyholdError): void;
  /** The provider has told in its answer that it failed: who leaves now leaves for that. */
  readonly failed?: boolean;
  /** What tells in the answer, once it has begun, that it ends here and why; left out where its format has no words for that. */
  lastWords?(error: KeyholdError): string;
  /** What to account for when the client leaves now. */
  partial(): { readonly counts: MeteredCounts; readonly estimated: boolean };
}

/** What every relay of one request needs. */
export interface RelayContext {
  readonly answer: ClientAnswer;
  readonly meter: Meter;
  readonly upstream: Upstream;
  readonly route: RouteSpec;
  readonly requestId: string;
  /** The credential is the platform's: nothing of the account passes (S1). */
  readonly shared: boolean;
  /** `include_usage` was added for the meter and is taken out of the answer again. */
  readonly usageAdded: boolean;
  /** Ends the meter, once, and goes on when the entry is written. */
  settle(ending: Ending, then: () => void): void;
  /** Answers with an error of our own, or breaks the answer off where it has begun; `upstreamStatus` where the provider refused, and we only tell it. */
  fail(error: KeyholdError, ending: Ending, upstreamStatus?: number): void;
  /** Whether the text holds the key that was sent; providers quote it in errors of every status. */
  quotesKey(text: string): boolean;
}

/** The upstream's headers that pass, with its own request id under our name (S7, R0.4). */
export function passingHeaders({ upstream, shared }: RelayContext, headers: UpstreamHeaders): string[] {
  const passing: string[] = [];
  upstream.headers.addResponseHeaders(passing, headers, shared);
  const { requestIdHeader } = upstream.headers;
  const id = requestIdHeader === null ? '' : textHeader(headers, requestIdHeader);
  if (/^[\x21-\x7e]{1,200}$/.test(id)) passing.push('x-keyhold-upstream-request-id', id);
  return passing;
}

/** A header's value; empty where it is absent, or given twice. */
export function textHeader(headers: UpstreamHeaders, name: string): string {
  let found: string | undefined;
  for (let at = 0; at + 1 < headers.length; at += 2) {
    if (headers[at] !== name) continue;
    if (found !== undefined) return '';
    found = headers[at + 1];
  }
  return found ?? '';
}
