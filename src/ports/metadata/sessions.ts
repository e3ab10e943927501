import type { Page, PageRequest, Repository, Stored } from './stored.ts';

/** Whose a session is: what its holder may do is asked of the holder as it is at that moment. */
export type SessionHolder =
  | { readonly kind: 'user'; readonly id: string }
  /** `digest` is the token's own: where the token has another one by now (S28), the session is over. */
  | { readonly kind: 'token'; readonly id: string; readonly digest: string };

/** A session as an identity provider knows it, for when it says that somebody has signed out there. */
export interface ProviderSession {
  readonly issuer: string;
  readonly sid: string;
}

/** A browser's session (S24). Times are milliseconds since the epoch. */
export interface SessionRecord {
  /** The 16 characters inside the session's text. */
  readonly id: string;
  /** SHA-256 of the whole text, hex; the text is nowhere. */
  readonly digest: string;
  readonly holder: SessionHolder;
  /** null: it began with a token, or the provider did not name it. */
  readonly provider: ProviderSession | null;
  readonly createdAt: number;
  /** When its holder last proved who it is. */
  readonly authenticatedAt: number;
  readonly expiresAt: number;
  /** Written now and then, not at every use. */
  readonly lastUsedAt: number;
  /** null: nobody has ended it. */
  readonly endedAt: number | null;
}

export interface SessionRepository extends Repository<{ readonly id: string }, SessionRecord> {
  /** One holder's by id, ascending, ended and expired ones included. */
  listOf(holder: Pick<SessionHolder, 'kind' | 'id'>, page: PageRequest): Promise<Page<Stored<SessionRecord>>>;
  /** Those of one session at an identity provider, in the same way. */
  listOfProvider(session: ProviderSession, page: PageRequest): Promise<Page<Stored<SessionRecord>>>;
  /** Those whose time was over at `before` or earlier, the longest ago first. */
  expired(before: number, page: PageRequest): Promise<Page<Stored<SessionRecord>>>;
}
