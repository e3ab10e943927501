import { describe, expect, it } from 'vitest';
import { expectWritten } from '../../../test/support/written-section.ts';
import { platformScope, tenantScope } from '../../ports/scope.ts';
import { actions } from './actions.ts';
import { grantablePermissions, holdsAllOf, permissionsOf } from './permissions.ts';
import { builtInRoles, platformRoles, tenantRoles } from './role.ts';

const acme = tenantScope('acme');

describe('permissions', () => {
  it('R0.2: docs/access.md lists what a role can be made of, and who has it', () => {
    for (const scope of [platformScope, acme]) {
      const roles = builtInRoles(scope);
      const held = roles.map((role) => new Set(permissionsOf({ scope, role })));
      const rows = grantablePermissions(scope).map((permission) => `| \`${permission}\` | ${held.map((one) => (one.has(permission) ? 'yes' : '–')).join(' | ')} |`);
      expectWritten('access.md', `permissions of ${scope.kind} roles`, [`| | ${roles.join(' | ')} |`, `|---|${roles.map(() => '---|').join('')}`, ...rows]);
    }
  });

  it('docs/access.md lists what asks for a fresh sign-in', () => {
    const asks = Object.entries(actions).flatMap(([action, rule]) => ('freshSignIn' in rule ? [action] : []));
    expectWritten('access.md', 'fresh sign-in', [`${asks.map((action) => `\`${action}\``).join(', ')}.`]);
  });

  it('S25: an administrator holds all that can be granted, whoever else holds all of it is one, and no role of one scope is worth one of another', () => {
    for (const scope of [platformScope, acme]) {
      const admin = { scope, role: `${scope.kind}-admin` };
      expect(holdsAllOf(admin, { scope, role: 'made', permissions: new Set(grantablePermissions(scope)) })).toBe(true);
    }
    for (const role of tenantRoles) expect(holdsAllOf({ scope: platformScope, role: 'platform-admin' }, { scope: acme, role })).toBe(false);
    for (const role of platformRoles) expect(holdsAllOf({ scope: acme, role: 'tenant-admin' }, { scope: platformScope, role })).toBe(false);
  });
});
