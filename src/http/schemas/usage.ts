import { Type } from 'typebox';
import { parseInstant } from '../rfc3339.ts';
import { instant, nullable, nullableText } from './fields.ts';

const count = Type.Integer({ minimum: 0 });

const cost = Type.Union([Type.Object({ amount: Type.String({ description: 'A decimal.' }), currency: Type.String({ description: 'ISO 4217.' }) }), Type.Null()], {
  description: 'by the prices when the requests began. null where no price was known; never 0 for unknown.',
});

export const usageSums = {
  requests: count,
  unpricedRequests: count,
  inputTokens: count,
  outputTokens: count,
  cachedTokens: count,
  cacheWriteTokens: count,
  reasoningTokens: count,
  cost,
};

export const usageEvent = Type.Object({
  id: Type.String(),
  time: instant,
  service: Type.String(),
  model: nullableText,
  route: Type.String(),
  status: nullable(Type.Integer()),
  outcome: Type.Enum(['completed', 'aborted', 'failed']),
  keySource: Type.Enum(['explicit', 'tenant', 'platform', 'environment']),
  credentialId: nullableText,
  credentialVersion: nullable(Type.Integer()),
  gatewayKeyId: nullableText,
  tokenId: { ...nullableText, description: 'the API token\'s, or the user\'s who signed in.' },
  attempts: count,
  inputTokens: count,
  outputTokens: count,
  cachedTokens: count,
  cacheWriteTokens: count,
  reasoningTokens: count,
  estimated: Type.Boolean({ description: 'The counts are not the provider\'s own final ones.' }),
  latencyMs: Type.Number(),
  firstTokenMs: nullable(Type.Number()),
  cost,
  unpriced: Type.Boolean(),
  tags: Type.Record(Type.String(), Type.String()),
  endUser: nullableText,
});

/** `?from=&to=` */
export const periodQuery = {
  from: Type.Optional(instant),
  to: Type.Optional(instant),
};

export function period({ from, to }: { readonly from?: string; readonly to?: string }): { from: number | undefined; to: number | undefined } {
  return { from: from === undefined ? undefined : parseInstant(from, 'from'), to: to === undefined ? undefined : parseInstant(to, 'to') };
}
