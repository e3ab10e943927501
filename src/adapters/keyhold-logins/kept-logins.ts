import { randomBytes } from 'node:crypto';
import { closeSync, constants, fchmodSync, fstatSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { StartError } from '../../ports/start-error.ts';

const login = Type.Object({
  /** Of the Keyhold that it is for, without a slash at the end. */
  url: Type.String(),
  /** What is shown there: an API token, or an access token of an identity provider. */
  token: Type.String(),
  /** How an access token is renewed; absent for an API token. */
  renewal: Type.Optional(
    Type.Object({
      issuer: Type.String(),
      clientId: Type.String(),
      tokenEndpoint: Type.String(),
      revocationEndpoint: Type.Union([Type.String(), Type.Null()]),
      /** null: the provider gave none, and the sign-in ends with the access token. */
      refreshToken: Type.Union([Type.String(), Type.Null()]),
      /** Of the access token, milliseconds since the epoch. */
      expiresAt: Type.Number(),
    }),
  ),
});
const content = Type.Object({ logins: Type.Array(login) });

/** A Keyhold that a person at this terminal has signed in to. */
export type Login = Static<typeof login>;

/** Whoever holds the lock for longer has died. */
const LOCK_MS = 60_000;
const WAIT_MS = 50;

/**
 * What `keyhold login` keeps, in a file of the user's alone (0600, in a folder that is 0700 when it is made here). Throws `StartError` (4) for a file that others can read or write, is a link,
 * or cannot be used.
 */
export class KeptLogins {
  readonly file: string;

  constructor(file: string) {
    this.file = file;
  }

  all(): readonly Login[] {
    const text = this.#read();
    if (text === undefined) return [];
    const value = parsed(text);
    if (!Value.Check(content, value)) throw new StartError(4, `${this.file} does not hold what keyhold login writes. Remove it and sign in again.`);
    return value.logins;
  }

  find(url: string): Login | undefined {
    return this.all().find((login) => login.url === url);
  }

  /** In the place of the one for the same Keyhold, as the last. */
  async keep(login: Login): Promise<void> {
    await this.locked(() => this.#write([...this.all().filter(({ url }) => url !== login.url), login]));
  }

  /** The one that was there. */
  async forget(url: string): Promise<Login | undefined> {
    return this.locked(() => {
      const before = this.all();
      const found = before.find((login) => login.url === url);
      if (found !== undefined) this.#write(before.filter((login) => login !== found));
      return found;
    });
  }

  /** Changes one while no other command does: a refresh token that two of them show counts as stolen at many providers. */
  async change(url: string, decide: (login: Login) => Promise<Login>): Promise<Login | undefined> {
    return this.locked(async () => {
      const before = this.all();
      const found = before.find((login) => login.url === url);
      if (found === undefined) return undefined;
      const after = await decide(found);
      if (after !== found) this.#write(before.map((login) => (login === found ? after : login)));
      return after;
    });
  }

  async locked<T>(work: () => T | Promise<T>): Promise<T> {
    const lock = `${this.file}.lock`;
    this.#usable(() => mkdirSync(dirname(this.file), { recursive: true, mode: 0o700 }));
    for (;;) {
      try {
        closeSync(openSync(lock, 'wx', 0o600));
        break;
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw this.#unusable(error);
        const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs;
        if (since !== undefined && Date.now() - since > LOCK_MS) rmSync(lock, { force: true });
        else await sleep(WAIT_MS);
      }
    }
    try {
      return await work();
    } finally {
      rmSync(lock, { force: true });
    }
  }

  #read(): string | undefined {
    let handle: number;
    try {
      handle = openSync(this.file, constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw this.#unusable(error);
    }
    try {
      const { mode, uid } = fstatSync(handle);
      if ((mode & 0o077) !== 0) throw new StartError(4, `${this.file} can be read or written by others, and it holds tokens. Take these back where they were made, remove the file, and sign in again; or, if nobody else was here, chmod 600 it.`);
      if (uid !== process.getuid?.()) throw new StartError(4, `${this.file} belongs to another user. Remove it and sign in again.`);
      return this.#usable(() => readFileSync(handle, 'utf8'));
    } finally {
      closeSync(handle);
    }
  }

  /** Whole or not at all, also after a power loss. */
  #write(logins: readonly Login[]): void {
    const fresh = `${this.file}.${randomBytes(6).toString('hex')}.new`;
    this.#usable(() => {
      const handle = openSync(fresh, 'wx', 0o600);
      try {
        fchmodSync(handle, 0o600);
        writeSync(handle, `${JSON.stringify({ logins }, undefined, 2)}\n`);
        fsyncSync(handle);
      } finally {
        closeSync(handle);
      }
      renameSync(fresh, this.file);
    });
  }

  #usable<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.#unusable(error);
    }
  }

  #unusable(cause: unknown): StartError {
    const code = codeOf(cause);
    if (code === 'ELOOP') return new StartError(4, `${this.file} is a link, which is not followed. Remove it and sign in again.`);
    return new StartError(4, `${this.file} cannot be used (${code}). Make its folder one that this user can write to, or set XDG_CONFIG_HOME to another.`, { cause });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}
