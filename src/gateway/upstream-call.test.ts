import { describe, expect, it } from 'vitest';
import type { KeyholdError } from '../ports/errors.ts';
import type { Relay } from './relay.ts';
import { noTokens } from './token-counts.ts';
import { type FailureKind, UpstreamFailure } from './upstream/upstream-failure.ts';
import { UpstreamCall } from './upstream-call.ts';

interface Heard {
  readonly unanswered: { readonly code: string; readonly sent: boolean }[];
  readonly broke: string[];
}

function heardOf(kind: FailureKind, sent: boolean, begun: boolean): Heard {
  const heard: Heard = { unanswered: [], broke: [] };
  const relay: Relay = {
    data: () => undefined,
    end: () => undefined,
    broke: (error: KeyholdError) => heard.broke.push(error.code),
    partial: () => ({ counts: noTokens, estimated: false }),
  };
  const call = new UpstreamCall({ answered: () => relay, unanswered: ({ code }, sent) => heard.unanswered.push({ code, sent }) }, 'openai');
  if (begun) call.head(200, []);
  call.failed(new UpstreamFailure(kind, 'Of the network.'), sent);
  return heard;
}

describe('upstream failures', () => {
  it.each([
    ['connect_timeout', 'timeout', false],
    ['answer_timeout', 'timeout', true],
    ['unreachable', 'upstream_failed', false],
    ['closed', 'upstream_failed', true],
    ['bad_answer', 'upstream_failed', true],
    ['bad_request', 'internal', false],
  ] as const)('%s before the answer is %s', (kind, expected, sent) => {
    expect(heardOf(kind, sent, false)).toEqual({ unanswered: [{ code: expected, sent }], broke: [] });
  });

  it.each([
    ['answer_timeout', 'timeout'],
    ['bad_answer', 'upstream_failed'],
    ['closed', 'upstream_failed'],
  ] as const)('%s within the answer is %s', (kind, expected) => {
    expect(heardOf(kind, true, true)).toEqual({ unanswered: [], broke: [expected] });
  });

  it('an end that cannot be passed on is told as a break, and throws at nobody', () => {
    const broke: string[] = [];
    const relay: Relay = {
      data: () => undefined,
      end: () => {
        throw new Error('of the relay');
      },
      broke: ({ code }) => broke.push(code),
      partial: () => ({ counts: noTokens, estimated: false }),
    };
    const call = new UpstreamCall({ answered: () => relay, unanswered: () => undefined }, 'openai');
    call.head(200, []);
    call.ended();
    expect(broke).toEqual(['internal']);
  });
});
