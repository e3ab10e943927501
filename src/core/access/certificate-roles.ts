import type { Clock } from '../../ports/clock.ts';
import { after, type Soon } from '../../ports/soon.ts';
import type { Actor } from './actor.ts';
import { type CertificateEntries, type CertificateEntry, marksOf } from './certificate-entries.ts';
import type { ClientCertificate } from './client-certificate.ts';
import type { CustomRoles } from './custom-roles.ts';
import { permissionsOf } from './permissions.ts';

export interface CertificateRolesDependencies {
  /** As the operator's file has them at the moment. */
  readonly entries: { readonly current: CertificateEntries };
  readonly customRoles: CustomRoles;
  readonly clock: Clock;
}

/** Whom client certificates sign in (mutual TLS): by what one operator wrote down, compared whole, and asked anew for each request. */
export class CertificateRoles {
  readonly #entries: CertificateRolesDependencies['entries'];
  readonly #customRoles: CustomRoles;
  readonly #clock: Clock;

  constructor({ entries, customRoles, clock }: CertificateRolesDependencies) {
    this.#entries = entries;
    this.#customRoles = customRoles;
    this.#clock = clock;
  }

  /** Who has it; undefined for one that no entry knows, that more than one knows, or that has ended. Rejects with `unavailable` when the database cannot say what a custom role permits. */
  actorOf(certificate: ClientCertificate): Soon<Actor | undefined> {
    if (this.#clock.now() >= certificate.validUntil) return undefined;
    const found = this.#find(certificate);
    if (found === undefined) return undefined;
    const { name, scope, role } = found;
    return after(this.#customRoles.holding(scope, role), (holding) => ({ kind: 'certificate', id: name, ...holding, certificate }));
  }

  /** Whether one who showed a certificate may still use the gateway: it has not ended, and is still the same entry's, with a role that may. */
  async mayGoOn({ id, scope, certificate }: Actor): Promise<boolean> {
    const actor = certificate === undefined ? undefined : await this.actorOf(certificate);
    if (actor?.id !== id || actor.scope.kind !== 'tenant' || scope.kind !== 'tenant' || actor.scope.tenant !== scope.tenant) return false;
    return permissionsOf(actor).includes('gateway.use');
  }

  /** Of one that two entries know it is not clear who it is. */
  #find(certificate: ClientCertificate): CertificateEntry | undefined {
    const { current } = this.#entries;
    const [only, ...others] = new Set(marksOf(certificate).flatMap((mark) => current.get(mark) ?? []));
    return others.length === 0 ? only : undefined;
  }
}
