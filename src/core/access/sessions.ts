import { timingSafeEqual } from 'node:crypto';
import type { Bus } from '../../ports/bus.ts';
import type { Clock, RandomBytes } from '../../ports/clock.ts';
import { asKeyholdError, type ErrorCode, KeyholdError } from '../../ports/errors.ts';
import type { ProviderSession, SessionHolder, SessionRecord, SessionRepository } from '../../ports/metadata/sessions.ts';
import type { Page, PageRequest, Stored } from '../../ports/metadata/stored.ts';
import type { UserRepository } from '../../ports/metadata/users.ts';
import type { Metrics } from '../../ports/metrics.ts';
import type { SecretValue } from '../../ports/secret-value.ts';
import { after, type Soon } from '../../ports/soon.ts';
import { RecordCache } from '../caching/record-cache.ts';
import type { Sources } from '../outages/sources.ts';
import { allRecords } from '../versions/all-records.ts';
import { changeRecord } from '../versions/change-record.ts';
import type { Actor, SignIn } from './actor.ts';
import { noteSignIn, signOutUser } from './sign-in-times.ts';
import { mintToken, parseToken, tokenDigestBytes } from './token-text.ts';

/** Who a session's holder is now, with what it holds; undefined where that signs in no more. Both throw, or reject with, `unavailable` as look-ups do. */
export interface SessionHolders {
  ofToken(id: string, digest: string): Soon<Actor | undefined>;
  ofUser(id: string, signIn: SignIn): Soon<Actor | undefined>;
}

export interface SessionsDependencies {
  readonly sessions: SessionRepository;
  readonly users: UserRepository;
  readonly holders: SessionHolders;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly metrics: Metrics;
  readonly sources?: Sources | undefined;
  readonly lifetimeMs: number;
  /** How long a session that nobody uses lasts, give or take a twentieth less. */
  readonly idleMs: number;
}

/** How somebody proved who they are. */
export interface SessionStart {
  readonly holder: SessionHolder;
  /** Milliseconds since the epoch. */
  readonly authenticatedAt: number;
  /** As the identity provider calls it; left out: none did, or it has no name for it. */
  readonly provider?: ProviderSession | undefined;
  /** The text of the session that this one takes the place of, where there is one: it is over then (S24). */
  readonly previous?: string | undefined;
}

export interface NewSession {
  readonly id: string;
  /** For the browser's cookie; kept nowhere. */
  readonly text: SecretValue;
  readonly authenticatedAt: number;
  readonly expiresAt: number;
  readonly idleUntil: number;
}

interface Known {
  readonly record: SessionRecord;
  readonly revision: number;
  readonly digest: Buffer;
}

const TTL_MS = 10_000;
const MAX_CACHED = 10_000;
/** Uses are written when the last one that was is so much of the idle time ago. */
const TOUCHES = 20;
/** What has ended is kept until its time is over, and for so long after, whichever clock was ahead. */
const KEPT_MS = 3_600_000;

/** Leaves the cache empty, as in `Principals`. */
class NoSuchSession extends Error {}

/**
 * Browsers' sessions (S24): opaque, of 256 random bits, of which a digest is kept. A session holds nothing: what it may do is what its holder, a token or a user, may
 * do at that moment, so that it ends with the token, and when the user is disabled or signed out everywhere, on every replica at once.
 */
export class Sessions {
  readonly #dependencies: SessionsDependencies;
  readonly #known: RecordCache<Known>;

  constructor(dependencies: SessionsDependencies) {
    this.#dependencies = dependencies;
    const { bus, clock, metrics, sources } = dependencies;
    this.#known = new RecordCache({ clock, ttlMs: TTL_MS, max: MAX_CACHED, bus, observe: (hit) => metrics.cache({ cache: 'token', hit }), outlives: ({ record }) => record.endedAt === null, from: sources?.ofDatabase });
    bus.subscribe((message) => {
      if (message.topic === 'session') this.#known.invalidate(message.id, message.version);
    });
  }

  /** A session for somebody who has just proved who they are, under a new id each time (S24). The one before ends. Throws `unavailable`, and `not_found` for a user who is none. */
  async begin({ holder, authenticatedAt, provider, previous }: SessionStart): Promise<NewSession> {
    const { sessions, clock, random, lifetimeMs, idleMs } = this.#dependencies;
    const { id, text, digest } = mintToken('s', random);
    const user = holder.kind === 'user' ? await noteSignIn(this.#dependencies, holder.id) : undefined;
    const now = clock.now();
    const expiresAt = now + lifetimeMs;
    // No later than the user's record tells, by whichever clock: whoever signs the user out while this is being written ends it, too.
    const createdAt = user === undefined ? now : Math.max(user.lastSignInAt ?? 0, user.signedOutBefore ?? 0);
    await sessions.create({ id }, { id, digest, holder, provider: provider ?? null, createdAt, authenticatedAt, expiresAt, lastUsedAt: now, endedAt: null });
    if (previous !== undefined) await this.#endPrevious(previous);
    return { id, text, authenticatedAt, expiresAt, idleUntil: Math.min(expiresAt, now + idleMs) };
  }

  /**
   * Who the session is of, as it is now, with when it signed in; undefined when the text is none of a session, and when the session or its holder has ended.
   * `digest` is of the whole text. Rejects with `unavailable` when the database cannot answer. Without a promise while everything is known.
   */
  authenticate(text: string, digest: Buffer): Soon<Actor | undefined> {
    const parsed = parseToken(text);
    if (parsed?.kind !== 's') return undefined;
    return after(this.#find(parsed.id), (known) => (known !== undefined && timingSafeEqual(known.digest, digest) ? this.#actorOf(known) : undefined));
  }

  /** Whether this is a session's text, be it over: nobody has guessed it. `digest` is of the whole text. Errors as `authenticate`. */
  knows(text: string, digest: Buffer): Soon<boolean> {
    const parsed = parseToken(text);
    if (parsed?.kind !== 's') return false;
    return after(this.#find(parsed.id), (known) => known !== undefined && timingSafeEqual(known.digest, digest));
  }

  /** Ends one session; nothing happens where it has ended. */
  async end(id: string): Promise<void> {
    const { sessions, bus, clock } = this.#dependencies;
    const ended = changeRecord(sessions, { id }, {
      decide: (record) => (record.endedAt === null ? { ...record, endedAt: clock.now() } : undefined),
      missing: () => new KeyholdError('not_found', 'There is no session with this id.'),
      announce: (version) => bus.publish({ topic: 'session', id, version }),
    });
    await ended.catch(unless('not_found'));
  }

  /**
   * Ends all that this token or user has, everywhere. A user's access tokens that were issued before are over, too. Nothing that began before this was called is left when
   * it resolves, whichever replica's clock it went by.
   */
  async endAllOf(holder: Pick<SessionHolder, 'kind' | 'id'>): Promise<void> {
    if (holder.kind === 'user') await signOutUser(this.#dependencies, holder.id);
    await this.#endEach((page) => this.#dependencies.sessions.listOf(holder, page));
  }

  /** Ends what began with this session at an identity provider. */
  async endOf(provider: ProviderSession): Promise<void> {
    await this.#endEach((page) => this.#dependencies.sessions.listOfProvider(provider, page));
  }

  /** Removes those whose time has been over for an hour; how many. */
  async removeExpired(mayGoOn: () => boolean): Promise<number> {
    const { sessions, clock } = this.#dependencies;
    let removed = 0;
    for await (const { record, revision } of allRecords((page) => sessions.expired(clock.now() - KEPT_MS, page))) {
      if (!mayGoOn()) break;
      // Another replica may have removed it.
      await sessions.remove({ id: record.id }, revision).catch(unless('conflict'));
      removed += 1;
    }
    return removed;
  }

  #actorOf({ record, revision }: Known): Soon<Actor | undefined> {
    const { clock, holders, idleMs } = this.#dependencies;
    const { id, holder, createdAt, authenticatedAt, expiresAt, lastUsedAt, endedAt } = record;
    const now = clock.now();
    if (endedAt !== null || now >= expiresAt || now >= lastUsedAt + idleMs) return undefined;
    const actor = holder.kind === 'token' ? holders.ofToken(holder.id, holder.digest) : holders.ofUser(holder.id, { at: createdAt, until: expiresAt });
    return after(actor, (found) => {
      if (found === undefined) return undefined;
      if (now - lastUsedAt >= idleMs / TOUCHES) void this.#touch({ ...record, lastUsedAt: now }, revision);
      return { ...found, authenticatedAt, session: { id, expiresAt, idleUntil: Math.min(expiresAt, now + idleMs) } };
    });
  }

  /** Never in the way of the request, and never over somebody else's change: whoever ends the session wins. */
  async #touch(record: SessionRecord, revision: number): Promise<void> {
    const { id } = record;
    try {
      const { revision: written } = await this.#dependencies.sessions.replace({ id }, record, revision);
      this.#known.invalidate(id, written);
    } catch {
      this.#known.expire(id);
    }
  }

  /** Who knows the id alone ends nothing. */
  async #endPrevious(text: string): Promise<void> {
    const parsed = parseToken(text);
    if (parsed?.kind !== 's') return;
    const stored = await this.#dependencies.sessions.get({ id: parsed.id });
    if (stored !== undefined && timingSafeEqual(Buffer.from(stored.record.digest, 'hex'), tokenDigestBytes(text))) await this.end(parsed.id);
  }

  async #endEach(list: (page: PageRequest) => Promise<Page<Stored<SessionRecord>>>): Promise<void> {
    for await (const { record } of allRecords(list)) if (record.endedAt === null) await this.end(record.id);
  }

  #find(id: string): Soon<Known | undefined> {
    const known = this.#known.get(id, async () => {
      const stored = await this.#dependencies.sessions.get({ id });
      if (stored === undefined) throw new NoSuchSession();
      const { record, revision } = stored;
      return { value: { record, revision, digest: Buffer.from(record.digest, 'hex') }, version: revision };
    });
    if (!(known instanceof Promise)) return known;
    return known.catch((error: unknown) => {
      if (error instanceof NoSuchSession) return undefined;
      throw error;
    });
  }
}

function unless(code: ErrorCode): (error: unknown) => void {
  return (error) => {
    if (asKeyholdError(error).code !== code) throw error;
  };
}
