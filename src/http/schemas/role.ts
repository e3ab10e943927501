import { type Static, Type } from 'typebox';
import type { RoleView } from '../../core/access/role-service.ts';
import { entityTag } from '../../core/versions/etag.ts';
import { instantText } from '../rfc3339.ts';
import { etag, instant, nullableText } from './fields.ts';

export const roleName = Type.String({ description: 'a role\'s name: 2 to 63 of a-z, 0-9 and hyphen, beginning with a letter.', maxLength: 63 });

/** What a request says of a role, beside its name. */
export const roleChoices = {
  description: Type.Optional(Type.String({ description: 'what it is for: at most 200 characters.', maxLength: 800 })),
  permissions: Type.Array(Type.String({ maxLength: 64 }), { description: 'what the role permits, each action by itself, as docs/access.md lists them.', maxItems: 200 }),
};

export const roleSchema = Type.Object({
  name: Type.String(),
  tenant: nullableText,
  description: Type.String(),
  permissions: Type.Array(Type.String()),
  createdAt: instant,
  createdBy: Type.String(),
  etag,
});

export function roleBody({ scope, ...shown }: RoleView): Static<typeof roleSchema> {
  return {
    ...shown,
    permissions: [...shown.permissions],
    tenant: scope.kind === 'tenant' ? scope.tenant : null,
    createdAt: instantText(shown.createdAt),
    etag: entityTag(shown.etag),
  };
}
