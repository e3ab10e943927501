import type { Actor } from '../core/access/actor.ts';
import type { Admission } from '../core/limits/rate-ledger.ts';
import type { KeySource } from '../ports/usage.ts';
import type { ClientRequest, ClientResponse } from './client/client.ts';
import type { ClientAnswer } from './client-answer.ts';
import type { ErrorShape } from './error-shapes.ts';
import type { Exchange } from './exchange.ts';
import type { Meter } from './meter.ts';
import type { RequestBody } from './request-body.ts';

/** One request to the gateway, from its head to the end of its answer; filled in as it goes on. */
export interface Visit {
  readonly request: ClientRequest;
  readonly response: ClientResponse;
  readonly answer: ClientAnswer;
  readonly requestId: string;
  readonly shape: ErrorShape;
  /** On the monotonic clock. */
  readonly startedAt: number;
  /** Set while the tenant has it among its open requests. */
  tenant: string | undefined;
  service: string;
  route: string;
  keySource: KeySource | 'none';
  body: RequestBody | undefined;
  /** Its part of the limits, until it is over. */
  admission: Admission | undefined;
  meter: Meter | undefined;
  exchange: Exchange | undefined;
  /** Who asked, once that is known. */
  actor: Actor | undefined;
  /** How long ago it was confirmed who asked, where that could not be read again; otherwise 0. */
  callerStaleMs: number;
  /** Where the list of visits has it. */
  place: number;
}
