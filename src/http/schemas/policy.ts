import { type Static, Type } from 'typebox';
import type { PolicyView } from '../../core/tenants/policy-service.ts';
import { entityTag } from '../../core/versions/etag.ts';
import { closed, etag, nullable, nullableText } from './fields.ts';

const flags = {
  platformFallback: Type.Boolean({ description: 'Whether the platform\'s keys may serve where the tenant has none.' }),
  explicitKeys: Type.Boolean({ description: 'Whether a request may bring its own key in x-keyhold-api-key.' }),
  adoptOutsideChanges: Type.Boolean({ description: 'Whether a key that somebody changes in the store by hand is taken into use. Otherwise the change is only reported.' }),
  validateOnAdd: Type.Boolean({ description: 'true is not possible yet: answered with 501.' }),
};

const price = Type.String({ description: 'dollars, a decimal, for example 2.50.', maxLength: 30 });

const defaultModels = Type.Record(Type.String(), Type.String(), { description: 'The model by service, where a request names none.' });

export const policySchema = Type.Object({ ...flags, defaultProvider: nullableText, defaultModels, unpricedModels: Type.String(), timeZone: Type.String(), unpricedPrice: Type.Optional(Type.Object({ input: price, output: price, request: price })), etag });

export const policyInput = Type.Object(
  {
    platformFallback: Type.Optional(flags.platformFallback),
    explicitKeys: Type.Optional(flags.explicitKeys),
    defaultProvider: Type.Optional(nullable(Type.String({ description: 'The service where a request names none.', maxLength: 40 }))),
    defaultModels: Type.Optional(defaultModels),
    adoptOutsideChanges: Type.Optional(flags.adoptOutsideChanges),
    validateOnAdd: Type.Optional(flags.validateOnAdd),
    timeZone: Type.Optional(Type.String({ description: 'Whose days, weeks and months are those of budgets: a name of the IANA\'s, for example Europe/Berlin. UTC without it.', maxLength: 64 })),
    unpricedModels: Type.Optional(Type.String({ description: 'what becomes of a request whose price is not known: allow, refuse, or charge (unpricedPrice).', maxLength: 20 })),
    unpricedPrice: Type.Optional(nullable(Type.Object({ input: price, output: price, request: Type.Optional(price) }, { ...closed, description: 'with unpricedModels: charge, what: dollars a million tokens, and dollars a request.' }))),
  },
  closed,
);

export function policyBody(view: PolicyView): Static<typeof policySchema> {
  return { ...view, timeZone: view.timeZone ?? 'UTC', etag: entityTag(view.etag), defaultModels: { ...view.defaultModels } };
}
