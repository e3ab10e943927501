import { type Static, Type } from 'typebox';
import type { LimitsView } from '../../core/limits/limits-service.ts';
import { entityTag } from '../../core/versions/etag.ts';
import type { Limits, RateLimits } from '../../ports/metadata/limits.ts';
import { closed, etag, nullable } from './fields.ts';

const per = Type.Enum(['second', 'minute', 'hour', 'day']);
const windows = (what: string) => Type.Array(Type.Object({ max: Type.Integer({ minimum: 1 }), per }, closed), { description: `${what}; every window that is named holds.`, maxItems: 4 });

const rates = {
  requests: windows('Requests in a window'),
  tokens: windows('Tokens in a window, those of the request and of the answer together'),
  concurrent: nullable(Type.Integer({ description: 'Requests open at a time.', minimum: 1 })),
};

const ratesInput = { requests: Type.Optional(rates.requests), tokens: Type.Optional(rates.tokens), concurrent: Type.Optional(rates.concurrent) };

/** Limits as they are shown. */
export const limitsProperties = { ...rates, services: Type.Record(Type.String(), Type.Object(rates), { description: 'The same for one service each, beside those for all together.' }) };

/** Limits as they are given: what is left out is not limited. */
export const limitsInputProperties = { ...ratesInput, services: Type.Optional(Type.Record(Type.String(), Type.Object(ratesInput, closed))) };

export const limitsSchema = Type.Object({ ...limitsProperties, etag });

export const limitsInput = Type.Object(limitsInputProperties, closed);

export function limitsBody({ limits, etag: tag }: LimitsView): Static<typeof limitsSchema> {
  return { ...shownLimits(limits), etag: entityTag(tag) };
}

export function shownLimits({ services, ...rest }: Limits): Omit<Static<typeof limitsSchema>, 'etag'> {
  return { ...shownRates(rest), services: Object.fromEntries(Object.entries(services).map(([id, limited]) => [id, shownRates(limited)])) };
}

function shownRates({ requests, tokens, concurrent }: RateLimits) {
  return { requests: requests.map((limit) => ({ ...limit })), tokens: tokens.map((limit) => ({ ...limit })), concurrent };
}
