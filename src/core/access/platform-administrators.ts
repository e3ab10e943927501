import type { Clock } from '../../ports/clock.ts';
import type { TokenRepository } from '../../ports/metadata/access.ts';
import { platformScope } from '../../ports/scope.ts';

const PAGE = 1_000;

export interface PlatformAdministrators {
  readonly tokens: TokenRepository;
  readonly clock: Clock;
}

/** Whether anybody can sign in as platform-admin, leaving out the token with this id. */
export async function isAdministered({ tokens, clock }: PlatformAdministrators, leavingOut?: string): Promise<boolean> {
  let after: string | undefined;
  do {
    const page = await tokens.list(platformScope, { limit: PAGE, after });
    const now = clock.now();
    const able = page.items.some(
      ({ record: { id, role, revokedAt, expiresAt } }) => id !== leavingOut && role === 'platform-admin' && revokedAt === null && (expiresAt === null || now < expiresAt),
    );
    if (able) return true;
    after = page.next;
  } while (after !== undefined);
  return false;
}
