import { type Static, Type } from 'typebox';
import type { TokenView } from '../../core/access/token-view.ts';
import { entityTag } from '../../core/versions/etag.ts';
import { instantText, optionalInstantText } from '../rfc3339.ts';
import { etag, instant, nullable, nullableText } from './fields.ts';

const properties = {
  id: Type.String(),
  tenant: nullableText,
  name: Type.String(),
  role: Type.String(),
  origin: Type.Enum(['api', 'first', 'bootstrap', 'command'], { description: 'How the token came to be.' }),
  createdAt: instant,
  createdBy: Type.String(),
  expiresAt: nullable(instant),
  revokedAt: nullable(instant),
  etag,
};

export const tokenSchema = Type.Object(properties);

export const createdTokenSchema = Type.Object({
  ...properties,
  token: nullable(Type.String({ description: 'Shown this once. null when the request with this Idempotency-Key came before: make another token if the first answer was lost.' })),
});

export function tokenBody(view: TokenView): Static<typeof tokenSchema> {
  const { scope, ...shown } = view;
  return {
    ...shown,
    etag: entityTag(view.etag),
    tenant: scope.kind === 'tenant' ? scope.tenant : null,
    createdAt: instantText(view.createdAt),
    expiresAt: optionalInstantText(view.expiresAt),
    revokedAt: optionalInstantText(view.revokedAt),
  };
}
