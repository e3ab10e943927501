import { BrowserFlow } from './adapters/oidc/browser-flow.ts';
import { IssuedTokenCheck } from './adapters/oidc/issued-token-check.ts';
import { ProviderAnswers } from './adapters/oidc/provider-answers.ts';
import { Provider } from './adapters/oidc/provider.ts';
import { egressOf } from './compose-egress.ts';
import type { Config } from './config/config.ts';
import type { Access } from './core/access/authorize.ts';
import { prepareBootstrapToken } from './core/access/bootstrap-token.ts';
import { BrowserSignIns } from './core/access/browser-sign-ins.ts';
import { CertificateRoles, type CertificateRolesDependencies } from './core/access/certificate-roles.ts';
import { CustomRoles } from './core/access/custom-roles.ts';
import { type FirstTokenOutlet, prepareFirstToken } from './core/access/first-start.ts';
import { FirstSignIns } from './core/access/first-sign-ins.ts';
import { FirstTokenEnd } from './core/access/first-token-end.ts';
import { Issuers } from './core/access/issuers.ts';
import { MemberService } from './core/access/member-service.ts';
import { PlatformAdministrators } from './core/access/platform-administrators.ts';
import { Principals } from './core/access/principals.ts';
import { type SessionHolders, Sessions } from './core/access/sessions.ts';
import { SignInAttempts } from './core/access/sign-in-attempts.ts';
import { UserService } from './core/access/user-service.ts';
import { UserTokens } from './core/access/user-tokens.ts';
import { Users } from './core/access/users.ts';
import type { Sources } from './core/outages/sources.ts';
import { OwnAddress } from './http/own-address.ts';
import type { LeasedJob } from './jobs/leased-job.ts';
import { removeSessionsJob } from './jobs/remove-sessions.ts';
import type { Bus } from './ports/bus.ts';
import type { Clock, RandomBytes } from './ports/clock.ts';
import type { Log } from './ports/log.ts';
import type { MetadataStore } from './ports/metadata-store.ts';
import type { Metrics } from './ports/metrics.ts';

export interface SignInOptions {
  readonly config: Pick<Config, 'adminToken' | 'oidcIssuers' | 'egressAllowHosts' | 'proxies' | 'sessions' | 'publicUrl' | 'knownHosts'>;
  /** Whom client certificates sign in; undefined: nobody. */
  readonly certificateEntries: CertificateRolesDependencies['entries'] | undefined;
  readonly metadata: MetadataStore;
  readonly access: Access;
  readonly firstToken: FirstTokenOutlet;
  /** Of processes that share a data folder one makes the first token, since there is one file for it. */
  readonly first: boolean;
  /** What browsers keep while they sign in is sealed with it: secret, and the same on every replica. */
  readonly signInKey: Buffer;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly metrics: Metrics;
  readonly sources: Sources;
  readonly log: Log;
}

export interface SignIn {
  readonly principals: Principals;
  /** What browsers need. */
  readonly web: { readonly sessions: Sessions; readonly browserSignIns: BrowserSignIns; readonly ownAddress: OwnAddress };
  /** Those that one replica does for all. */
  readonly jobs: readonly LeasedJob[];
  readonly administrators: PlatformAdministrators;
  readonly firstTokenEnd: FirstTokenEnd;
  readonly members: MemberService;
  readonly users: UserService;
  readonly close: () => Promise<void>;
}

/** Who can sign in: with tokens, the first administrator's among them, gateway keys, tokens of identity providers, and client certificates. */
export async function openSignIn({ config, certificateEntries, metadata, access, firstToken, first, signInKey, bus, clock, random, metrics, sources, log }: SignInOptions): Promise<SignIn> {
  const { tokens, platform } = metadata;
  const bootstrap = await prepareBootstrapToken({ tokens, access, bus, clock, adminToken: config.adminToken });
  const administrators = new PlatformAdministrators({ ...metadata, bus, clock });
  if (first) {
    await prepareFirstToken({ platform, tokens, access, clock, random, outlet: firstToken, adminTokenIsSet: config.adminToken !== null });
    if (!(await administrators.isAdministered())) {
      log.warn('no_administrator', 'Nobody can sign in as platform-admin: every such token has expired or was revoked. To make a new one, stop Keyhold and run keyhold token new-admin, or set KEYHOLD_ADMIN_TOKEN');
    }
  }
  const firstTokenEnd = new FirstTokenEnd({ platform, tokens, administrators, access, bus, clock, log, outlet: firstToken });
  const customRoles = new CustomRoles({ roles: metadata.roles, bus, clock, metrics, sources });
  const issuers = new Issuers(config.oidcIssuers);
  const members = new MemberService({ ...metadata, issuers, bus, clock });
  const { userTokens, firstSignIns, identityProviders, close } = openUserTokens({ config, issuers, members, access, metadata, administrators, customRoles, bus, clock, metrics, sources, log });
  const certificates = certificateEntries === undefined ? undefined : new CertificateRoles({ entries: certificateEntries, customRoles, clock });
  const adminTokenUsed = (): Promise<void> => firstTokenEnd.adminTokenUsed();
  const principals = new Principals({ tokens, gatewayKeys: metadata.gatewayKeys, customRoles, userTokens, certificates, bus, clock, metrics, sources, bootstrap, adminTokenUsed });
  const holders: SessionHolders = { ofToken: (id, digest) => principals.ofToken(id, digest), ofUser: (id, signIn) => userTokens?.ofSession(id, signIn) };
  const sessions = new Sessions({ sessions: metadata.sessions, users: metadata.users, holders, bus, clock, random, metrics, sources, ...config.sessions });
  const attempts = new SignInAttempts(signInKey, { random, clock });
  const browserSignIns = new BrowserSignIns({ issuers, providers: identityProviders, attempts, firstSignIns, users: metadata.users, holders, sessions, access, bus, clock, publicUrl: config.publicUrl });
  log.info('sign_in_ready', 'Sign-in initialized');
  const users = new UserService({ ...metadata, administrators, issuers, bus, clock });
  return { principals, web: { sessions, browserSignIns, ownAddress: new OwnAddress(config) }, jobs: [removeSessionsJob(sessions)], administrators, firstTokenEnd, members, users, close };
}

interface UserTokensOptions {
  readonly config: Pick<Config, 'egressAllowHosts' | 'proxies'>;
  readonly issuers: Issuers;
  readonly members: MemberService;
  readonly access: Access;
  readonly metadata: Pick<MetadataStore, 'users' | 'memberships'>;
  readonly administrators: PlatformAdministrators;
  readonly customRoles: CustomRoles;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly sources: Sources;
  readonly log: Log;
}

interface OpenUserTokens {
  /** undefined: no identity provider is configured. */
  readonly userTokens: UserTokens | undefined;
  readonly firstSignIns: FirstSignIns;
  readonly identityProviders: BrowserFlow;
  readonly close: () => Promise<void>;
}

/** Who signs in with a token of an identity provider. */
function openUserTokens({ config, issuers, members, access, metadata, clock, log, ...others }: UserTokensOptions): OpenUserTokens {
  const answers = new ProviderAnswers(egressOf(config));
  const users = new Users({ users: metadata.users, memberships: metadata.memberships, clock, ...others });
  const providers = issuers.all.map((issuer) => new Provider({ issuer, answers, clock }));
  const firstSignIns = new FirstSignIns({ access, members, users, clock, log });
  return {
    userTokens: issuers.all.length === 0 ? undefined : new UserTokens({ issuers, issued: new IssuedTokenCheck({ providers, clock }), users, firstSignIns, clock }),
    firstSignIns,
    identityProviders: new BrowserFlow({ providers, answers, clock }),
    close: () => answers.close(),
  };
}
