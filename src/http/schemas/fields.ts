import { type Static, type TSchema, type TUnsafe, Type } from 'typebox';
import { ID_PATTERN, LABEL_PATTERN, SERVICE_PATTERN, TENANT_PATTERN } from '../names.ts';
import { INSTANT_PATTERN } from '../rfc3339.ts';

/** Schemas of what stands in many bodies. */

export const instant = Type.String({ description: 'a time as RFC 3339 writes it, for example 2026-01-31T12:00:00Z.', pattern: INSTANT_PATTERN, maxLength: 40, examples: ['2026-01-31T12:00:00Z'] });

export const tenantId = Type.String({ description: 'a tenant\'s id: 1 to 63 of a-z, 0-9, dot, underscore and hyphen, beginning with a letter or a digit.', pattern: TENANT_PATTERN });

export const serviceId = Type.String({ description: 'a service\'s id, as GET /api/v1/services lists them.', pattern: SERVICE_PATTERN });

export const etag = Type.String({ description: 'changes whenever the thing does; for If-Match, quotes included.' });

export const label = Type.String({ description: '1 to 63 of a-z, 0-9, dot, underscore and hyphen, beginning with a letter or a digit; default without one.', pattern: LABEL_PATTERN });

export const recordId = Type.String({ description: 'an id as an answer gave it.', pattern: ID_PATTERN });

export const name = Type.String({ description: 'a name for people: 1 to 100 characters.', maxLength: 400 });

/** The same, or null. */
export function nullable<S extends TSchema & { readonly type: string }>(schema: S): TUnsafe<Static<S> | null> {
  return Type.Unsafe<Static<S> | null>({ ...schema, type: [schema.type, 'null'] });
}

export const nullableText = nullable(Type.String());

/** An object that may have no other properties. */
export const closed = { additionalProperties: false } as const;
