import { randomBytes } from 'node:crypto';
import { BrowserFlow } from '../../src/adapters/oidc/browser-flow.ts';
import { ProviderAnswers } from '../../src/adapters/oidc/provider-answers.ts';
import { Provider } from '../../src/adapters/oidc/provider.ts';
import type { Actor } from '../../src/core/access/actor.ts';
import { BrowserSignIns } from '../../src/core/access/browser-sign-ins.ts';
import { FirstSignIns } from '../../src/core/access/first-sign-ins.ts';
import type { Issuer } from '../../src/core/access/issuer.ts';
import { Issuers } from '../../src/core/access/issuers.ts';
import { MemberService } from '../../src/core/access/member-service.ts';
import { SignInAttempts } from '../../src/core/access/sign-in-attempts.ts';
import { tokenDigestBytes } from '../../src/core/access/token-text.ts';
import { userIdOf } from '../../src/core/access/user-id.ts';
import { Egress } from '../../src/egress/egress.ts';
import { SecretValue } from '../../src/ports/secret-value.ts';
import { tenantScope } from '../../src/ports/scope.ts';
import { createAccessWorld, tenantActor } from './access-world.ts';
import { Browser } from './servers/oidc/browser.ts';
import { OIDC_CLIENT_SECRET, type OidcServer } from './servers/oidc/oidc-server.ts';
import { testIssuer } from './test-issuer.ts';

export type BrowserSignInWorld = Awaited<ReturnType<typeof createBrowserSignInWorld>>;

/** People with browsers, and everything of Keyhold that lets them in but its addresses: over real providers and a store in memory. Time is the machine's, and what a test adds. */
export async function createBrowserSignInWorld(servers: readonly OidcServer[], { publicUrl, change = {} }: { readonly publicUrl: string; readonly change?: Partial<Issuer> }) {
  const made = createAccessWorld();
  await made.addTenant('acme');
  made.advance(Date.now() - made.clock.now());
  const all = servers.map(({ issuer }) => testIssuer({ issuer, name: issuer, client: { id: 'keyhold', secret: new SecretValue(OIDC_CLIENT_SECRET) }, ...change }));
  const issuers = new Issuers(all);
  const answers = new ProviderAnswers(new Egress({ allowHosts: ['127.0.0.1'] }));
  const { clock } = made;
  const providers = new BrowserFlow({ providers: all.map((issuer) => new Provider({ issuer, answers, clock })), answers, clock });
  const attempts = new SignInAttempts(Buffer.alloc(32, 5), { random: randomBytes, clock });
  const holders = { ofUser: (id: string) => made.userReader.actorOf(id) };
  const members = new MemberService({ ...made, issuers });
  const firstSignIns = new FirstSignIns({ ...made, members, users: made.userReader });
  const signIns = new BrowserSignIns({ ...made, firstSignIns, issuers, providers, attempts, holders, users: made.store.users, publicUrl });
  const callback = `${publicUrl}/api/v1/sign-in/callback`;
  const [first] = servers;
  const issuer = first?.issuer ?? '';

  const start = (more: Partial<Parameters<BrowserSignIns['start']>[0]> = {}) => signIns.start({ issuer, fresh: false, returnTo: '/', previous: null, ...more });
  /** Where the provider sends the browser back to. */
  const visit = async (location: string, browser = new Browser()) => new URL((await browser.follow(location, (url) => url.startsWith(callback))).url).searchParams;
  const invite = (subject: string, of = issuer) =>
    made.store.users.create({ id: userIdOf(of, subject) }, { id: userIdOf(of, subject), issuer: of, subject, name: null, email: null, disabled: false, signedOutBefore: null, createdAt: clock.now(), createdBy: 'test', lastSignInAt: null });
  const actorOf = async (text: string): Promise<Actor | undefined> => made.sessions.authenticate(text, tokenDigestBytes(text));
  return {
    ...made,
    signIns,
    start,
    visit,
    invite,
    actorOf,
    give: (subject: string) => made.store.memberships.create({ tenant: 'acme', user: userIdOf(issuer, subject) }, { tenant: 'acme', user: userIdOf(issuer, subject), issuer, subject, name: subject, role: 'tenant-member', disabled: false, createdAt: clock.now(), createdBy: tenantActor('tenant-admin').id }),
    acme: tenantScope('acme'),
    /** All of it. */
    signIn: async (more: Partial<Parameters<BrowserSignIns['start']>[0]> = {}, browser = new Browser()) => {
      const { location, sealed } = await start(more);
      const { session, returnTo } = await signIns.finish(sealed, await visit(location, browser), 'req');
      return { id: session.id, text: session.text.reveal(), returnTo };
    },
    close: () => answers.close(),
  };
}
