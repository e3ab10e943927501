import { describe, expect, it } from 'vitest';
import { createAccessWorld } from '../../../test/support/access-world.ts';
import { asKeyholdError } from '../../ports/errors.ts';
import type { TenantRecord } from '../../ports/metadata/tenants.ts';
import { platformScope, type Scope, tenantScope } from '../../ports/scope.ts';
import { type Action, actions, isOwn, ruleOf } from './actions.ts';
import { type Actor, type Holding, systemActor, userActor } from './actor.ts';
import type { Role } from './role.ts';

const A = 'platform-admin';
const O = 'platform-operator';
const P = 'platform-auditor';
const S = 'secret-reader';
const a = 'tenant-admin';
const m = 'tenant-member';
const u = 'tenant-auditor';
const g = 'gateway-key';
const sys = 'system';
const roles: readonly Role[] = [A, O, P, S, a, m, u, g, sys];

/** R0.2's role table, S21 and S25 once more, written as who may: to the platform's own things, and to a tenant's. */
const expected: Readonly<Record<Action, { readonly platform: readonly Role[]; readonly tenant: readonly Role[] }>> = {
  'tenant.create': { platform: [A], tenant: [] },
  'tenant.list': { platform: [A, O, P], tenant: [] },
  'tenant.read': { platform: [], tenant: [A, O, P] },
  'tenant.update': { platform: [], tenant: [A] },
  'tenant.delete': { platform: [], tenant: [A, sys] },
  'tenant.shred': { platform: [], tenant: [A, sys] },
  'shredding.read': { platform: [A, P], tenant: [] },
  'policy.read': { platform: [], tenant: [P, a, m, u] },
  'limits.read': { platform: [], tenant: [P, a, m, u] },
  'limits.put': { platform: [], tenant: [a] },
  'platform-limits.read': { platform: [], tenant: [A, O, P] },
  'platform-limits.put': { platform: [], tenant: [A] },
  'policy.put': { platform: [], tenant: [a] },
  'prices.read': { platform: [A, O, P], tenant: [A, O, P, a, m, u] },
  'prices.put': { platform: [A], tenant: [A] },
  'own-vault.read': { platform: [], tenant: [a] },
  'own-vault.put': { platform: [], tenant: [a] },
  'own-vault.delete': { platform: [], tenant: [a, sys] },
  'own-vault.test': { platform: [], tenant: [a] },
  'token.list': { platform: [A, P], tenant: [P, a, m, u] },
  'token.create': { platform: [A, sys], tenant: [A, a] },
  'token.revoke': { platform: [A, sys], tenant: [a, m, sys] },
  'user.read': { platform: [A, P], tenant: [P, a, u] },
  'user.invite': { platform: [A], tenant: [A, a, sys] },
  'user.update': { platform: [A], tenant: [a] },
  'user.remove': { platform: [A], tenant: [a, sys] },
  'role.read': { platform: [A, P], tenant: [P, a, m, u] },
  'role.create': { platform: [A], tenant: [a] },
  'role.update': { platform: [A], tenant: [a] },
  'role.delete': { platform: [A], tenant: [a] },
  'credential.read': { platform: [A, O, P], tenant: [A, P, a, m, u] },
  'credential.put': { platform: [A], tenant: [A, a] },
  'credential.update': { platform: [A], tenant: [A, a] },
  'credential.delete': { platform: [A], tenant: [A, a, sys] },
  'credential.revoke': { platform: [A], tenant: [A, a, sys] },
  'credential.recover': { platform: [A], tenant: [A, a] },
  'credential.purge': { platform: [A, sys], tenant: [A, a, sys] },
  'credential.reconcile': { platform: [sys], tenant: [sys] },
  'credential.move': { platform: [sys], tenant: [sys] },
  'credential.adopt': { platform: [A], tenant: [A] },
  'credential.migrate': { platform: [A], tenant: [A] },
  'credential.preview': { platform: [A], tenant: [A] },
  'credential.changed_outside': { platform: [sys], tenant: [sys] },
  'credential.fetch': { platform: [a, m, g], tenant: [a, m, g] },
  'gateway-key.read': { platform: [], tenant: [P, a, m, u] },
  'gateway-key.create': { platform: [], tenant: [a] },
  'gateway-key.update': { platform: [], tenant: [a] },
  'gateway-key.rotate': { platform: [], tenant: [a] },
  'gateway-key.find': { platform: [A], tenant: [] },
  'gateway-key.disable': { platform: [], tenant: [A] },
  'gateway-key.revoke': { platform: [], tenant: [a, sys] },
  'budget.read': { platform: [], tenant: [P, a, m, u] },
  'budget.put': { platform: [], tenant: [a] },
  'platform-budget.read': { platform: [], tenant: [A, O, P] },
  'platform-budget.put': { platform: [], tenant: [A] },
  'budget-lease.read': { platform: [A, O, P], tenant: [] },
  'budget-lease.release': { platform: [A], tenant: [] },
  'gateway.use': { platform: [], tenant: [a, m, g] },
  'usage.read': { platform: [], tenant: [A, O, P, a, m, u] },
  'audit.read': { platform: [A, P], tenant: [A, P, a, u] },
  'audit-key.rotate': { platform: [sys], tenant: [] },
  'audit-log.accept-restored': { platform: [sys], tenant: [] },
  'platform.seal': { platform: [A], tenant: [] },
  'platform.unseal': { platform: [A], tenant: [] },
  'platform.read-seal': { platform: [A, O, P], tenant: [] },
  'root-key.read': { platform: [A, O, P], tenant: [] },
  'root-key.rewrap': { platform: [A, sys], tenant: [] },
  'data-keys.read': { platform: [A, O, P], tenant: [] },
  'data-keys.rotate': { platform: [A, sys], tenant: [] },
  'data-keys.reseal': { platform: [sys], tenant: [sys] },
  'metrics.read': { platform: [A, O, P, S], tenant: [] },
  'job.read': { platform: [A, O, P], tenant: [] },
  'store.read': { platform: [A, O, P], tenant: [] },
  'store.find': { platform: [A], tenant: [] },
  'user.sign-out': { platform: [A], tenant: [] },
  'signed-in.read': { platform: roles, tenant: roles },
  'session.begin': { platform: roles, tenant: roles },
  'session.end': { platform: roles, tenant: roles },
};

const readOnly = new Set<Action>([
  'own-vault.read', 'tenant.list', 'tenant.read', 'policy.read', 'budget.read', 'platform-budget.read', 'budget-lease.read', 'prices.read', 'limits.read', 'platform-limits.read', 'token.list', 'credential.read', 'gateway-key.read', 'gateway.use', 'usage.read', 'audit.read', 'platform.read-seal', 'metrics.read', 'job.read', 'store.read', 'root-key.read', 'data-keys.read', 'shredding.read', 'signed-in.read', 'role.read', 'user.read',
]);

/** What a tenant that is suspended or going away still allows: looking, and ending things. */
const notInALiveTenantOnly = new Set<Action>([
  'own-vault.read', 'own-vault.delete', ...[...readOnly].filter((action) => action !== 'gateway.use'),
  'tenant.create', 'platform-limits.put', 'platform-budget.put', 'budget-lease.release', 'tenant.update', 'tenant.delete', 'tenant.shred', 'audit-key.rotate', 'audit-log.accept-restored', 'platform.seal', 'platform.unseal', 'root-key.rewrap', 'data-keys.rotate', 'data-keys.reseal', 'token.revoke', 'credential.delete', 'credential.revoke', 'credential.purge', 'credential.reconcile', 'credential.move', 'gateway-key.revoke', 'gateway-key.find', 'gateway-key.disable', 'store.find', 'role.delete', 'user.remove', 'user.sign-out', 'session.begin', 'session.end',
]);

const allActions = Object.keys(actions).filter((action): action is Action => action in actions);
const isPlatformRole = (role: Role) => role === sys || role === A || role === O || role === P || role === S;

function actorOf(role: Role): Actor {
  if (role === sys) return systemActor('job');
  return { kind: role === g ? 'gateway-key' : 'token', id: 'someone', role, scope: isPlatformRole(role) ? platformScope : tenantScope('acme') };
}

async function world() {
  const made = createAccessWorld();
  for (const tenant of ['acme', 'other']) await made.addTenant(tenant);
  const states: readonly TenantRecord['state'][] = ['suspended', 'deleting', 'deleted'];
  for (const state of states) await made.addTenant(state, state);
  return made;
}

type World = Awaited<ReturnType<typeof world>>;

/** `ok`, or the code of the refusal. */
async function tried({ perform }: World, actor: Actor, action: Action, scope: Scope): Promise<string> {
  try {
    return await perform(actor, action, { scope }, async (grant) => {
      grant.use(action);
      return 'ok';
    });
  } catch (error) {
    return asKeyholdError(error).code;
  }
}

describe('who may do what (R0.2, S21, S25): every role, action and scope', () => {
  it('the list of expectations is complete', () => {
    expect(allActions.toSorted()).toEqual(Object.keys(expected).toSorted());
  });

  describe.each(allActions)('%s', (action) => {
    it.each(roles)('%s', async (role) => {
      const made = await world();
      const actor = actorOf(role);
      const may = expected[action];
      expect(await tried(made, actor, action, platformScope)).toBe(may.platform.includes(role) ? 'ok' : 'permission_denied');
      expect(await tried(made, actor, action, tenantScope('acme'))).toBe(may.tenant.includes(role) ? 'ok' : 'permission_denied');
      if (isOwn(action)) return;
      const elsewhere = isPlatformRole(role) ? (may.tenant.includes(role) ? 'ok' : 'permission_denied') : 'not_found';
      expect(await tried(made, actor, action, tenantScope('other'))).toBe(elsewhere);
      const gone = isPlatformRole(role) && !may.tenant.includes(role) ? 'permission_denied' : 'not_found';
      expect(await tried(made, actor, action, tenantScope('unknown'))).toBe(gone);
      expect(await tried(made, actor, action, tenantScope('deleted'))).toBe(gone);
    });

    it.each(roles)('%s, in a tenant that is suspended, being deleted or deleted', async (role) => {
      const made = await world();
      for (const [state, refusal] of [['suspended', 'permission_denied'], ['deleting', 'conflict'], ['deleted', 'not_found']] as const) {
        const actor = actorOf(role);
        const own = actor.scope.kind === 'platform' ? actor : { ...actor, scope: tenantScope(state) };
        const may = expected[action].tenant.includes(role);
        const closed = state === 'deleted' ? !isOwn(action) : !notInALiveTenantOnly.has(action);
        expect(await tried(made, own, action, tenantScope(state)), state).toBe(!may ? 'permission_denied' : closed ? refusal : 'ok');
      }
    });
  });

  it('S25: no platform role makes or changes gateway keys, a tenant\'s policy or its own vault, or uses its keys', () => {
    for (const action of ['gateway-key.create', 'gateway-key.update', 'gateway-key.rotate', 'policy.put', 'own-vault.read', 'own-vault.put', 'own-vault.delete', 'own-vault.test', 'gateway.use', 'credential.fetch'] as const) {
      for (const role of [A, O, P, S] as const) expect(actions[action].tenant).not.toContain(role);
    }
  });

  it('CVE-2026-35029: no action that changes anything is open to a role that only reads', () => {
    for (const action of allActions.filter((name) => !readOnly.has(name) && !isOwn(name))) {
      for (const role of [P, S, u] as const) {
        expect(expected[action].platform).not.toContain(role);
        expect(expected[action].tenant).not.toContain(role);
      }
      expect(actions[action].audited, action).toBe(true);
    }
  });
});

describe('users with several roles', () => {
  const operator: Holding = { scope: platformScope, role: O };
  const memberOfAcme: Holding = { scope: tenantScope('acme'), role: m };
  const adminOfOther: Holding = { scope: tenantScope('other'), role: a };
  const several = userActor('usr_1', [memberOfAcme, adminOfOther]);

  it('R0.2: act in each tenant with what they are there, as the log shows', async () => {
    const made = await world();
    const seen = (action: Action, tenant: string, actor = several) => made.perform(actor, action, { scope: tenantScope(tenant) }, async (grant) => [grant.actor.kind, grant.actor.id, grant.actor.role, grant.actor.scope]);
    expect(await seen('policy.put', 'other')).toEqual(['user', 'usr_1', a, tenantScope('other')]);
    await expect(seen('policy.put', 'acme')).rejects.toMatchObject({ code: 'permission_denied', publicMessage: expect.stringContaining('tenant-member') });
    expect(await seen('policy.read', 'acme')).toEqual(['user', 'usr_1', m, tenantScope('acme')]);
    expect(await seen('usage.read', 'acme', userActor('usr_1', [adminOfOther, operator]))).toEqual(['user', 'usr_1', O, platformScope]);
  });

  it('R10.2: see nothing of a tenant in which they hold nothing, and no tenant sees that they looked', async () => {
    const made = await world();
    for (const actor of [several, userActor('usr_1', []), userActor('usr_1', [adminOfOther])]) {
      const mine = actor.scope.kind === 'tenant' ? 'tenant:other' : 'platform';
      expect(await tried(made, actor, 'policy.read', tenantScope('suspended'))).toBe('not_found');
      expect(await tried(made, actor, 'tenant.list', platformScope)).toBe('permission_denied');
      expect(made.rows.splice(0)).toEqual([`denied policy.read usr_1 ${mine} not_found`, 'denied tenant.list usr_1 platform permission_denied']);
    }
  });

  it('with one role are like a token with that role', () => {
    expect(userActor('usr_1', [adminOfOther])).toEqual({ kind: 'user', id: 'usr_1', ...adminOfOther });
  });
});

describe('what asks for a fresh sign-in', () => {
  it('deleting and changing who may do what needs one of the last ten minutes in a session, and none of a token; taking keys out of use never waits', async () => {
    const made = await world();
    const session = { ...userActor('usr_1', [{ scope: tenantScope('acme'), role: a }, { scope: platformScope, role: A }]), authenticatedAt: made.clock.now() };
    const asks = allActions.filter((action) => ruleOf(action).freshSignIn === true);
    expect(asks).toEqual(expect.arrayContaining(['tenant.delete', 'credential.delete', 'token.create', 'user.update', 'role.update', 'own-vault.delete']));
    const scopeOf = (action: Action) => (expected[action].tenant.some((role) => role === a || role === A) ? tenantScope('acme') : platformScope);
    made.advance(10 * 60_000);
    for (const action of asks) expect([action, await tried(made, session, action, scopeOf(action))]).toEqual([action, 'ok']);
    made.advance(1);
    for (const action of asks) expect([action, await tried(made, session, action, scopeOf(action))]).toEqual([action, 'permission_denied']);
    for (const action of ['token.revoke', 'gateway-key.revoke', 'credential.revoke', 'policy.put'] as const) expect(await tried(made, session, action, tenantScope('acme'))).toBe('ok');
    expect(await tried(made, session, 'credential.delete', tenantScope('other'))).toBe('permission_denied');
    await expect(made.perform(session, 'credential.delete', { scope: tenantScope('acme') }, async () => 'ok')).rejects.toMatchObject({ details: { freshSignIn: true }, publicMessage: expect.stringContaining('Sign in again') });
    expect(await tried(made, actorOf(a), 'credential.delete', tenantScope('acme'))).toBe('ok');
  });
});

describe('perform (S21, S29)', () => {
  it('an operation is written down before it runs and its outcome after it', async () => {
    const made = await world();
    const seen = await made.perform(actorOf(a), 'policy.put', { scope: tenantScope('acme') }, async () => [...made.rows]);
    expect(seen).toEqual(['intent policy.put someone tenant:acme']);
    expect(made.rows).toEqual(['intent policy.put someone tenant:acme', 'outcome ok']);
  });

  it('a failure keeps its error and is written down with its code', async () => {
    const made = await world();
    await expect(made.perform(actorOf(a), 'policy.put', { scope: tenantScope('acme') }, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(made.rows.at(-1)).toBe('outcome failed internal');
  });

  it('R10.3: when the log cannot be written the operation does not run', async () => {
    const made = await world();
    made.audit.broken = true;
    let ran = false;
    const run = made.perform(actorOf(a), 'credential.revoke', { scope: tenantScope('acme') }, async () => {
      ran = true;
    });
    await expect(run).rejects.toMatchObject({ code: 'unavailable' });
    expect(ran).toBe(false);
  });

  it('a refusal is a row, and reading is none', async () => {
    const made = await world();
    await tried(made, actorOf(m), 'policy.put', tenantScope('acme'));
    await tried(made, actorOf(m), 'policy.read', tenantScope('acme'));
    expect(made.rows).toEqual(['denied policy.put someone tenant:acme permission_denied']);
  });

  it('R10.2: another tenant\'s name reaches neither answer nor log in a way that tells whether it exists', async () => {
    const made = await world();
    const answers = await Promise.all(
      ['other', 'unknown', 'suspended', 'deleted'].map(async (tenant) => {
        const error = await made.perform(actorOf(a), 'credential.read', { scope: tenantScope(tenant), service: 'openai' }, async () => 'ok').catch((caught: unknown) => caught);
        return String(error).replace(tenant, '…');
      }),
    );
    expect(new Set(answers).size).toBe(1);
    expect(new Set(made.rows)).toEqual(new Set(['denied credential.read someone tenant:acme not_found']));
  });

  it('check refuses as perform does, writes the refusal, and writes nothing where it passes', async () => {
    const made = await world();
    await expect(made.access.check(actorOf(m), 'policy.put', { scope: tenantScope('acme') }, null)).rejects.toMatchObject({ code: 'permission_denied' });
    expect(made.rows).toHaveLength(1);
    await made.access.check(actorOf(a), 'policy.put', { scope: tenantScope('acme') }, null);
    expect(made.rows).toHaveLength(1);
  });

  it('a suspension counts at once, although states are cached', async () => {
    const made = await world();
    const acme = tenantScope('acme');
    expect(await tried(made, actorOf(a), 'policy.put', acme)).toBe('ok');
    await made.perform(actorOf(A), 'tenant.update', { scope: acme }, (grant) => made.tenantService.update(grant, { state: 'suspended' }));
    expect(await tried(made, actorOf(a), 'policy.put', acme)).toBe('permission_denied');
    await made.perform(actorOf(A), 'tenant.update', { scope: acme }, (grant) => made.tenantService.update(grant, { state: 'active' }));
    expect(await tried(made, actorOf(a), 'policy.put', acme)).toBe('ok');
  });
});

describe('while the installation is sealed (S29)', () => {
  /** Everything that uses, reads, writes or destroys a key; whatever is not here goes on. */
  const stopped = new Set<Action>([
    'gateway.use', 'credential.put', 'credential.fetch', 'credential.changed_outside', 'credential.delete', 'credential.recover', 'credential.purge', 'credential.reconcile', 'credential.move', 'credential.adopt', 'credential.migrate', 'credential.preview', 'data-keys.reseal', 'tenant.shred', 'own-vault.put', 'own-vault.delete', 'own-vault.test',
  ]);

  it.each(allActions)('%s is refused if it touches keys, and goes on otherwise', async (action) => {
    const made = await world();
    made.seal.sealed = true;
    for (const scope of [platformScope, tenantScope('acme')]) {
      for (const role of expected[action][scope.kind]) expect(await tried(made, actorOf(role), action, scope)).toBe(stopped.has(action) ? 'unavailable' : 'ok');
    }
  });

  it('nobody is told so who may not do it anyway, and nothing runs that was decided before', async () => {
    const made = await world();
    let ran = false;
    const intent = made.audit.intent.bind(made.audit);
    made.audit.intent = async (entry) => {
      made.seal.sealed = true;
      return intent(entry);
    };
    await expect(made.perform(actorOf(a), 'credential.put', { scope: tenantScope('acme') }, async () => (ran = true))).rejects.toMatchObject({ code: 'unavailable' });
    expect([ran, made.rows.at(-1)]).toEqual([false, 'outcome failed unavailable']);
    await expect(async () => made.access.authorizeUse(actorOf(g), 'req_1')).rejects.toMatchObject({ code: 'unavailable', publicMessage: expect.stringContaining('Keyhold is sealed') });
    await expect(async () => made.access.authorizeUse(actorOf(u), 'req_1')).rejects.toMatchObject({ code: 'permission_denied' });
    expect(await tried(made, actorOf(a), 'credential.put', tenantScope('other'))).toBe('not_found');
  });
});

describe('authorizeUse', () => {
  it('gives tenant-admin, tenant-member and gateway keys a grant for their own tenant, without a row', async () => {
    const made = await world();
    for (const role of [a, m, g] as const) expect(await made.access.authorizeUse(actorOf(role), 'req_1')).toMatchObject({ tenant: 'acme', requestId: 'req_1' });
    expect(made.rows).toEqual([]);
  });

  it('refuses auditors, platform roles and the product itself', async () => {
    const made = await world();
    for (const role of [u, A, O, P, S, sys] as const) await expect(async () => made.access.authorizeUse(actorOf(role), 'req_1')).rejects.toMatchObject({ code: 'permission_denied' });
  });

  it('refuses in a tenant that is suspended, being deleted, deleted or unknown', async () => {
    const made = await world();
    for (const [tenant, code] of [['suspended', 'permission_denied'], ['deleting', 'conflict'], ['deleted', 'not_found'], ['unknown', 'not_found']] as const) {
      await expect(async () => made.access.authorizeUse({ ...actorOf(g), scope: tenantScope(tenant) }, 'req_1')).rejects.toMatchObject({ code });
    }
  });
});
