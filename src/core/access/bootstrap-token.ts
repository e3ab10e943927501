import type { Bus } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { TokenRecord, TokenRepository } from '../../ports/metadata/access.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import { platformScope } from '../../ports/scope.ts';
import type { SecretValue } from '../../ports/secret-value.ts';
import { changeRecord } from '../versions/change-record.ts';
import type { Action } from './actions.ts';
import { systemActor } from './actor.ts';
import type { Access } from './authorize.ts';
import type { Grant } from './grant.ts';
import { BOOTSTRAP_TOKEN_ID } from './principals.ts';
import { tokenDigest } from './token-text.ts';

export interface BootstrapDependencies {
  readonly tokens: TokenRepository;
  readonly access: Access;
  readonly bus: Bus;
  readonly clock: Clock;
  /** `KEYHOLD_ADMIN_TOKEN`; null where it is not set. */
  readonly adminToken: SecretValue | null;
}

const key = { id: BOOTSTRAP_TOKEN_ID };

/** Replicas that start together get in each other's way once each; more is a fault. */
const TRIES = 32;

/**
 * Makes the record of the token `bootstrap` agree with `KEYHOLD_ADMIN_TOKEN`, at every start: a new value replaces it, none revokes
 * it, both audited (S28). Returns what `Principals` compares with. A start that died halfway is completed by the next one; of replicas that
 * start together and are given different values, the last has its way with the record.
 */
export async function prepareBootstrapToken(dependencies: BootstrapDependencies): Promise<{ readonly digest: string } | null> {
  const { adminToken } = dependencies;
  const wanted = adminToken === null ? null : tokenDigest(adminToken.reveal());
  for (let tries = 1; ; tries += 1) {
    try {
      await agree(dependencies, wanted);
      return wanted === null ? null : { digest: wanted };
    } catch (error) {
      const { code } = asKeyholdError(error);
      if (tries >= TRIES || (code !== 'already_exists' && code !== 'conflict')) throw error;
    }
  }
}

async function agree(dependencies: BootstrapDependencies, wanted: string | null): Promise<void> {
  const found = await dependencies.tokens.get(key);
  const current = found !== undefined && found.record.revokedAt === null ? found.record.digests[0]?.digest : undefined;
  if (current !== undefined && current !== wanted) await perform(dependencies, 'token.revoke', (grant) => revoke(grant, dependencies));
  if (wanted !== null && current !== wanted) await perform(dependencies, 'token.create', (grant) => create(grant, wanted, dependencies));
}

function perform(
  { access }: BootstrapDependencies,
  action: Extract<Action, 'token.create' | 'token.revoke'>,
  operation: (grant: Grant) => Promise<Stored<TokenRecord>>,
): Promise<Stored<TokenRecord>> {
  return access.perform(systemActor('bootstrap'), action, { scope: platformScope, ...key }, null, operation);
}

function revoke(grant: Grant, { tokens, bus, clock }: BootstrapDependencies): Promise<Stored<TokenRecord>> {
  grant.use('token.revoke');
  return changeRecord(tokens, key, {
    decide: (record) => ({ ...record, revokedAt: clock.now() }),
    missing: () => new KeyholdError('not_found', 'There is no token with this id.'),
    announce: (version) => bus.publish({ topic: 'token', id: BOOTSTRAP_TOKEN_ID, version }),
  });
}

async function create(grant: Grant, digest: string, { tokens, bus, clock }: BootstrapDependencies): Promise<Stored<TokenRecord>> {
  grant.use('token.create');
  const record: TokenRecord = {
    id: BOOTSTRAP_TOKEN_ID,
    scope: platformScope,
    name: 'bootstrap',
    role: 'platform-admin',
    digests: [{ digest, validUntil: null }],
    origin: 'bootstrap',
    createdAt: clock.now(),
    createdBy: grant.actor.id,
    expiresAt: null,
    revokedAt: null,
    idempotency: null,
  };
  const before = await tokens.get(key);
  const after = before === undefined ? await tokens.create(key, record) : await tokens.replace(key, record, before.revision);
  await bus.publish({ topic: 'token', id: BOOTSTRAP_TOKEN_ID, version: after.revision });
  return after;
}
