import { type Static, Type } from 'typebox';
import type { Actor } from '../../core/access/actor.ts';
import type { NewSession } from '../../core/access/sessions.ts';
import { instantText } from '../rfc3339.ts';
import { instant, nullable } from './fields.ts';

/** A session, as its holder sees it. */
export const sessionSchema = Type.Object({
  id: Type.String(),
  authenticatedAt: instant,
  expiresAt: instant,
  idleUntil: Type.String({ ...instant, description: 'when it is over if nobody uses it again.' }),
});

export const nullableSession = nullable(sessionSchema);

type SessionBody = Static<typeof sessionSchema>;

export function sessionBody({ id, authenticatedAt, expiresAt, idleUntil }: Omit<NewSession, 'text'>): SessionBody {
  return { id, authenticatedAt: instantText(authenticatedAt), expiresAt: instantText(expiresAt), idleUntil: instantText(idleUntil) };
}

/** The session that somebody acts through; null: none. */
export function actingSessionBody({ session, authenticatedAt }: Actor): SessionBody | null {
  return session === undefined || authenticatedAt === undefined ? null : sessionBody({ ...session, authenticatedAt });
}
