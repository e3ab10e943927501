import { KeyholdError } from '../../ports/errors.ts';
import type { Holding } from './actor.ts';
import type { Issuer } from './issuer.ts';
import { holdsAllOf } from './permissions.ts';

/** The identity providers whose users may sign in. */
export class Issuers {
  readonly all: readonly Issuer[];
  readonly #byName: ReadonlyMap<string, Issuer>;

  constructor(all: readonly Issuer[]) {
    this.all = all;
    this.#byName = new Map(all.map((issuer) => [issuer.issuer, issuer]));
  }

  /** By what it calls itself, exactly. */
  find(issuer: string): Issuer | undefined {
    return this.#byName.get(issuer);
  }

  /** Throws `invalid_argument` for a role that would not count when a user of this issuer signs in, and says who can change that. */
  requireUsable(issuer: string, wanted: Holding): void {
    const known = this.find(issuer);
    if (known === undefined) throw unusable('issuer', `Nobody signs in with ${shown(issuer)}. Write it exactly as in its tokens; or an operator names it with KEYHOLD_OIDC_ISSUER or in KEYHOLD_OIDC_ISSUERS_FILE`);
    if (counts(wanted, known)) return;
    const { scope } = wanted;
    if (scope.kind === 'platform') throw unusable('role', `Users of ${issuer} have no roles of the platform. An operator can allow them for this identity provider (platformRoles)`);
    if (known.tenants?.has(scope.tenant) === false) throw unusable('issuer', `Users of ${issuer} have no roles in the tenant ${scope.tenant}. An operator can add it to this identity provider's tenants`);
    throw unusable('role', `The role ${wanted.role} permits more than ${known.highestRole}, the highest that users of ${issuer} can have. Give a lower one; or an operator raises highestRole of this identity provider`);
  }
}

/** Whether what a user was given counts when it comes from this issuer. */
export function counts(holding: Holding, { tenants, highestRole, platformRoles }: Issuer): boolean {
  const { scope } = holding;
  if (scope.kind === 'platform') return platformRoles;
  if (tenants !== null && !tenants.has(scope.tenant)) return false;
  return highestRole === 'tenant-admin' || holding.role === highestRole || holdsAllOf({ scope, role: highestRole }, holding);
}

function unusable(property: 'issuer' | 'role', message: string): KeyholdError {
  return new KeyholdError('invalid_argument', `${message} (docs/sign-in.md).`, { details: { property } });
}

/** What a caller wrote, in an error of theirs alone. */
function shown(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
