import { IssuedTokenCheck } from './adapters/oidc/issued-token-check.ts';
import { ProviderAnswers } from './adapters/oidc/provider-answers.ts';
import type { Config } from './config/config.ts';
import type { CustomRoles } from './core/access/custom-roles.ts';
import type { PlatformAdministrators } from './core/access/platform-administrators.ts';
import { UserTokens } from './core/access/user-tokens.ts';
import { Users } from './core/access/users.ts';
import type { Sources } from './core/outages/sources.ts';
import { Egress } from './egress/egress.ts';
import type { Bus } from './ports/bus.ts';
import type { Clock } from './ports/clock.ts';
import type { MetadataStore } from './ports/metadata-store.ts';
import type { Metrics } from './ports/metrics.ts';

export interface UserTokensOptions {
  readonly config: Pick<Config, 'oidcIssuers' | 'egressAllowHosts'>;
  readonly metadata: Pick<MetadataStore, 'users' | 'memberships'>;
  readonly administrators: PlatformAdministrators;
  readonly customRoles: CustomRoles;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly sources: Sources;
}

export interface OpenUserTokens {
  /** undefined: no identity provider is configured. */
  readonly userTokens: UserTokens | undefined;
  readonly close: () => Promise<void>;
}

/** Who signs in with a token of an identity provider. */
export function openUserTokens({ config, metadata, clock, ...others }: UserTokensOptions): OpenUserTokens {
  const issuers = config.oidcIssuers;
  if (issuers.length === 0) return { userTokens: undefined, close: async () => undefined };
  const answers = new ProviderAnswers(new Egress({ allowHosts: config.egressAllowHosts }));
  const users = new Users({ users: metadata.users, memberships: metadata.memberships, clock, ...others });
  return { userTokens: new UserTokens({ issuers, issued: new IssuedTokenCheck({ issuers, answers, clock }), users, clock }), close: () => answers.close() };
}
