import { type Static, Type } from 'typebox';
import type { MemberView } from '../../core/access/member-service.ts';
import type { UserView } from '../../core/access/user-service.ts';
import { entityTag } from '../../core/versions/etag.ts';
import { instantText, optionalInstantText } from '../rfc3339.ts';
import { etag, instant, nullable, nullableText } from './fields.ts';

/** Whom an identity provider names so. */
export const invitation = {
  issuer: Type.String({ description: 'the address that the identity provider calls itself by, exactly as in its tokens.', maxLength: 250 }),
  subject: Type.String({ description: 'what the identity provider calls the user in `sub`.', maxLength: 255 }),
};

export const roleGiven = Type.String({ description: 'a built-in role, or one that was made.', maxLength: 64 });

const common = {
  id: Type.String(),
  issuer: Type.String(),
  subject: Type.String(),
  disabled: Type.Boolean(),
  createdAt: instant,
  createdBy: Type.String(),
  etag,
};

export const memberSchema = Type.Object({ ...common, name: Type.String({ description: 'as the tenant calls the user.' }), role: Type.String() });

export const userSchema = Type.Object({
  ...common,
  name: { ...nullableText, description: 'as the identity provider tells; null before the first sign-in.' },
  email: nullableText,
  role: { ...nullableText, description: 'the platform\'s; null: none.' },
  lastSignInAt: nullable(instant),
});

export function memberBody(view: MemberView): Static<typeof memberSchema> {
  return { ...view, createdAt: instantText(view.createdAt), etag: entityTag(view.etag) };
}

export function userBody(view: UserView): Static<typeof userSchema> {
  return { ...view, createdAt: instantText(view.createdAt), lastSignInAt: optionalInstantText(view.lastSignInAt), etag: entityTag(view.etag) };
}
