import { expect, it, vi } from 'vitest';
import type { Actor } from '../core/access/actor.ts';
import { makeUseGrant } from '../core/access/grant.ts';
import { tenantScope } from '../ports/scope.ts';
import { Watch } from './watch.ts';

/** A user's access token, or a certificate, whose one role was in acme when its request began. */
function underWay(tenant: string, actor: Pick<Actor, 'kind' | 'signIn' | 'certificate'>) {
  const cutOff = vi.fn();
  const visit = { requestId: 'req', actor: { ...actor, id: 'zoe', role: 'tenant-member', scope: tenantScope(tenant) }, exchange: { isCurrent: true, cutOff } };
  return { visit: visit as never, cutOff };
}

it.each([
  { kind: 'user', signIn: { at: 1, until: 2 } },
  { kind: 'certificate', certificate: { uris: [], dnsNames: [], subject: 'CN=zoe', sha256: 'ab', validUntil: 2 } },
] as const)('S10, R10.2: what began in a tenant where a $kind has no role any more ends, and what it begins in another goes on', async (actor) => {
  const [now, before] = [underWay('globex', actor), underWay('acme', actor)];
  const watch = new Watch({
    visits: { all: () => [now.visit, before.visit] },
    principals: { mayGoOn: async ({ scope }: Actor) => scope.kind === 'tenant' && scope.tenant === 'globex' } as never,
    access: { authorizeUse: (asked: Actor) => makeUseGrant(asked, 'globex', 'req') },
  });
  try {
    await vi.waitFor(() => expect(before.cutOff).toHaveBeenCalled(), { timeout: 5_000 });
    expect(now.cutOff).not.toHaveBeenCalled();
  } finally {
    watch.stop();
  }
});
