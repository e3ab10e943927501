import { type Static, Type } from 'typebox';
import type { GatewayKeyInput } from '../../core/access/gateway-key-request.ts';
import type { GatewayKeyView } from '../../core/access/gateway-key-view.ts';
import { entityTag } from '../../core/versions/etag.ts';
import { instantText, optionalInstantText, parseOptionalInstant } from '../rfc3339.ts';
import { budgetBody, budgetInputs, budgetSchema } from './budget.ts';
import { closed, etag, instant, nullable, nullableText, recordId, tenantId } from './fields.ts';
import { limitsInputProperties, limitsProperties, shownLimits } from './limits.ts';

const listed = nullable(Type.Array(Type.String()));
const list = (description: string) => nullable(Type.Array(Type.String({ maxLength: 200 }), { description, maxItems: 100 }));

/** What a caller may say of a gateway key, besides its name. */
export const gatewayKeyChoices = {
  services: Type.Optional(list('Services it may use; without it, AI services only.')),
  models: Type.Optional(list('Models it may use; * and ? are wildcards. Without it, all.')),
  routes: Type.Optional(list('Routes of the catalogue it may use; without it, all that are open by default.')),
  defaultProvider: Type.Optional(nullable(Type.String({ description: 'The service where a request names none.', maxLength: 40 }))),
  tags: Type.Optional(nullable(Type.Record(Type.String(), Type.String(), { description: 'Go into every usage event.' }))),
  expiresAt: Type.Optional(nullable(instant)),
  owner: Type.Optional(nullable(Type.String({ description: 'Who answers for it: a name, or a user\'s id.', maxLength: 400 }))),
  networks: Type.Optional(list('Networks it may be used from, as CIDR; without it, all.')),
  limits: Type.Optional(nullable(Type.Object(limitsInputProperties, closed))),
  budget: Type.Optional(nullable(budgetInputs)),
};

const properties = {
  id: Type.String(),
  name: Type.String(),
  hint: Type.String({ description: 'The last characters of the key.' }),
  services: listed,
  models: listed,
  routes: listed,
  defaultProvider: nullableText,
  tags: Type.Record(Type.String(), Type.String()),
  owner: nullableText,
  networks: listed,
  limits: nullable(Type.Object(limitsProperties)),
  budget: Type.Array(budgetSchema),
  disabled: Type.Boolean(),
  createdAt: instant,
  createdBy: Type.String(),
  expiresAt: nullable(instant),
  revokedAt: nullable(instant),
  previousValidUntil: nullable(instant),
  etag,
};

export const gatewayKeySchema = Type.Object(properties);

export const createdGatewayKeySchema = Type.Object({
  ...properties,
  key: nullable(Type.String({ description: 'Shown this once. null when the request with this Idempotency-Key came before: rotate the key if the first answer was lost.' })),
});

export const gatewayKeyParams = Type.Object({ tenant: tenantId, id: recordId });

export function gatewayKeyBody(view: GatewayKeyView): Static<typeof gatewayKeySchema> {
  return {
    ...view,
    etag: entityTag(view.etag),
    services: view.services === null ? null : [...view.services],
    models: view.models === null ? null : [...view.models],
    routes: view.routes === null ? null : [...view.routes],
    tags: { ...view.tags },
    networks: view.networks === null ? null : [...view.networks],
    limits: view.limits === null ? null : shownLimits(view.limits),
    budget: view.budget.map(budgetBody),
    createdAt: instantText(view.createdAt),
    expiresAt: optionalInstantText(view.expiresAt),
    revokedAt: optionalInstantText(view.revokedAt),
    previousValidUntil: optionalInstantText(view.previousValidUntil),
  };
}

/** The choices with their time in milliseconds. */
export function gatewayKeyInput<B extends { readonly expiresAt?: string | null }>({ expiresAt, ...choices }: B): Omit<B, 'expiresAt'> & Pick<GatewayKeyInput, 'expiresAt'> {
  return { ...choices, expiresAt: parseOptionalInstant(expiresAt, 'expiresAt') };
}
