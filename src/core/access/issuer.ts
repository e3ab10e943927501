/** The roles of a tenant that an issuer's users can be bounded by. */
export const BOUNDING_ROLES = ['tenant-admin', 'tenant-member', 'tenant-auditor'] as const;

/** An identity provider whose users may sign in, and the most that they can do here, whatever they were given (S23). */
export interface Issuer {
  /** Exactly as `iss` in its tokens. */
  readonly issuer: string;
  /** What stands for Keyhold in `aud`. */
  readonly audience: string;
  /** Where its keys are; null: as its discovery document says. */
  readonly jwksUrl: string | null;
  /** Where its users can hold something; null: in every tenant. */
  readonly tenants: ReadonlySet<string> | null;
  /** A role that permits something that this one does not counts as not held. */
  readonly highestRole: (typeof BOUNDING_ROLES)[number];
  /** Whether its users can hold roles of the platform. */
  readonly platformRoles: boolean;
}
