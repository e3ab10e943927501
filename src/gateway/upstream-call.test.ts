import { describe, expect, it } from 'vitest';
import type { KeyholdError } from '../ports/errors.ts';
import type { Relay } from './relay.ts';
import { UpstreamCall } from './upstream-call.ts';

interface Heard {
  readonly unanswered: { readonly code: string; readonly sent: boolean }[];
  readonly broke: string[];
}

function heardOf(cause: Error, begun: boolean): Heard {
  const heard: Heard = { unanswered: [], broke: [] };
  const relay: Relay = {
    data: () => undefined,
    end: () => undefined,
    broke: (error: KeyholdError) => heard.broke.push(error.code),
    partial: () => ({ counts: { inputTokens: 0, outputTokens: 0, cachedTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0 }, estimated: false }),
  };
  const call = new UpstreamCall({ answered: () => relay, unanswered: ({ code }, sent) => heard.unanswered.push({ code, sent }) }, 'openai');
  const controller = { aborted: false, paused: false, reason: null, abort: () => undefined, pause: () => undefined, resume: () => undefined };
  call.onRequestStart(controller);
  // Hints before an answer are no answer.
  call.onResponseStart(controller, 103, {});
  if (begun) call.onResponseStart(controller, 200, {});
  call.onResponseError(controller, cause);
  call.onResponseError(controller, cause);
  return heard;
}

function failure(code: string): Error {
  return Object.assign(new Error('of the network'), { code });
}

describe('upstream failures', () => {
  it.each([
    ['UND_ERR_CONNECT_TIMEOUT', 'timeout', false],
    ['UND_ERR_HEADERS_TIMEOUT', 'timeout', true],
    ['ECONNREFUSED', 'upstream_failed', false],
    ['ENOTFOUND', 'upstream_failed', false],
    ['UND_ERR_SOCKET', 'upstream_failed', true],
    ['ECONNRESET', 'upstream_failed', true],
    ['UND_ERR_INVALID_ARG', 'internal', false],
  ])('%s before the answer is %s', (code, expected, sent) => {
    expect(heardOf(failure(code), false)).toEqual({ unanswered: [{ code: expected, sent }], broke: [] });
  });

  it.each([
    ['UND_ERR_BODY_TIMEOUT', 'timeout'],
    ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'upstream_failed'],
    ['', 'upstream_failed'],
  ])('%s within the answer is %s', (code, expected) => {
    expect(heardOf(failure(code), true)).toEqual({ unanswered: [], broke: [expected] });
  });
});
