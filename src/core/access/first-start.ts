import type { Clock, RandomBytes } from '../../ports/clock.ts';
import { asKeyholdError } from '../../ports/errors.ts';
import type { TokenRecord, TokenRepository } from '../../ports/metadata/access.ts';
import type { PlatformRepository } from '../../ports/metadata/sealed.ts';
import { platformScope } from '../../ports/scope.ts';
import type { SecretValue } from '../../ports/secret-value.ts';
import { systemActor } from './actor.ts';
import type { Access } from './authorize.ts';
import type { Grant } from './grant.ts';
import { BOOTSTRAP_TOKEN_ID } from './principals.ts';
import { mintToken, newTokenId } from './token-text.ts';

/** Where the first token's text goes so that its owner finds it (S28). */
export interface FirstTokenOutlet {
  /** Keeps the text safe. Called before the token's record exists, so that no crash leaves a token that nobody has. */
  keep(text: SecretValue): Promise<void>;
  /** Takes back what was kept of the token with this id; nothing kept, or another token, is fine. */
  discard(tokenId: string): Promise<void>;
}

export interface FirstStartDependencies {
  readonly platform: PlatformRepository;
  readonly tokens: TokenRepository;
  readonly access: Access;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly outlet: FirstTokenOutlet;
  /** `KEYHOLD_ADMIN_TOKEN` is set: it is the administrator's token, and no other is made. */
  readonly adminTokenIsSet: boolean;
}

export interface FirstToken {
  readonly text: SecretValue;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** S28: the first token ends 24 h after it was made. */
const VALID_MS = 24 * 60 * 60 * 1_000;

/**
 * On an installation's first start makes the administrator's token `first` and gives its text; on every other start undefined. That
 * it happens once is decided by one conditional write. A start that died before the token's record was written is completed by
 * the next one, with a new text, since nobody can have used the old.
 */
export async function prepareFirstToken(dependencies: FirstStartDependencies): Promise<FirstToken | undefined> {
  const tokenId = await firstStart(dependencies);
  if (tokenId === BOOTSTRAP_TOKEN_ID || dependencies.adminTokenIsSet) return undefined;
  if ((await dependencies.tokens.get({ id: tokenId })) !== undefined) return undefined;
  const resource = { scope: platformScope, id: tokenId };
  return dependencies.access.perform(systemActor('first-start'), 'token.create', resource, null, (grant) => makeFirstToken(grant, tokenId, dependencies));
}

/** The id of the token that the first start made or is to make. */
async function firstStart({ platform, clock, random, adminTokenIsSet }: FirstStartDependencies): Promise<string> {
  const key = { name: 'first-start' } as const;
  const known = await platform.get(key);
  if (known?.record.name === 'first-start') return known.record.tokenId;
  const tokenId = adminTokenIsSet ? BOOTSTRAP_TOKEN_ID : newTokenId(random);
  try {
    await platform.create(key, { name: 'first-start', tokenId, createdAt: clock.now() });
    return tokenId;
  } catch (error) {
    const winner = asKeyholdError(error).code === 'already_exists' ? await platform.get(key) : undefined;
    if (winner?.record.name !== 'first-start') throw error;
    return winner.record.tokenId;
  }
}

async function makeFirstToken(grant: Grant, id: string, { tokens, clock, random, outlet }: FirstStartDependencies): Promise<FirstToken | undefined> {
  grant.use('token.create');
  const { text, digest } = mintToken('t', random, id);
  await outlet.keep(text);
  const createdAt = clock.now();
  const expiresAt = createdAt + VALID_MS;
  try {
    await tokens.create({ id }, { ...platformAdmin(id, digest, createdAt), name: 'first', origin: 'first', createdBy: grant.actor.id, expiresAt });
  } catch (error) {
    if (asKeyholdError(error).code !== 'already_exists') throw error;
    // Another replica was faster, and has given its own text to its own starter.
    await outlet.discard(id);
    return undefined;
  }
  return { text, expiresAt };
}

/**
 * `keyhold token new-admin`: a new platform-admin token for who lost theirs and has the data folder, audited like every other. Gives
 * its id; its text is in the outlet before there is a record, so that no full disk leaves a token that nobody has.
 */
export function makeAdminToken({ tokens, access, clock, random, outlet }: Pick<FirstStartDependencies, 'tokens' | 'access' | 'clock' | 'random' | 'outlet'>): Promise<string> {
  const { id, text, digest } = mintToken('t', random);
  return access.perform(systemActor('command-line'), 'token.create', { scope: platformScope, id }, null, async (grant) => {
    grant.use('token.create');
    await outlet.keep(text);
    await tokens.create({ id }, { ...platformAdmin(id, digest, clock.now()), name: 'new-admin', origin: 'command', createdBy: grant.actor.id });
    return id;
  });
}

function platformAdmin(id: string, digest: string, createdAt: number): Omit<TokenRecord, 'name' | 'origin' | 'createdBy'> {
  return {
    id,
    scope: platformScope,
    role: 'platform-admin',
    digests: [{ digest, validUntil: null }],
    createdAt,
    expiresAt: null,
    revokedAt: null,
    idempotency: null,
  };
}
