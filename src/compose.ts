import { randomBytes } from 'node:crypto';
import { allServices } from '../catalog/all-services.ts';
import { createSealedStore } from './adapters/secret-store/sealed/sealed-store.ts';
import { systemClock } from './adapters/clock/system-clock.ts';
import { takePlace } from './adapters/data-folder/replica-place.ts';
import { openAudit, openWitness } from './compose-audit.ts';
import { openBudgets } from './compose-budgets.ts';
import { openBus } from './compose-bus.ts';
import { createJobs } from './compose-jobs.ts';
import { databaseLine, openDatabase } from './compose-database.ts';
import { createKeys } from './compose-keys.ts';
import { openRateLimits } from './compose-limits.ts';
import { openListener } from './compose-listener.ts';
import { createPrices } from './compose-prices.ts';
import { openRootKey } from './compose-root-key.ts';
import { openOwnVaults } from './compose-own-vaults.ts';
import { openOwnKeys, openStores } from './compose-secrets.ts';
import { openSharedValues } from './compose-shared-cache.ts';
import { openUsage } from './compose-usage.ts';
import { openSignIn } from './compose-sign-in.ts';
import { shareParts } from './compose-workers.ts';
import { egressOf } from './compose-egress.ts';
import type { Config } from './config/config.ts';
import { Access } from './core/access/authorize.ts';
import { bufferedRandom } from './core/access/buffered-random.ts';
import type { FirstTokenOutlet } from './core/access/first-start.ts';
import { GatewayKeyFinder } from './core/access/gateway-key-finder.ts';
import { GatewayKeyService } from './core/access/gateway-key-service.ts';
import { InstallationSeal } from './core/access/installation-seal.ts';
import { Idempotency } from './core/access/idempotency.ts';
import { RoleService } from './core/access/role-service.ts';
import { TokenService } from './core/access/token-service.ts';
import { Adoption } from './core/adoption/adoption.ts';
import { LegacyMigration } from './core/adoption/legacy-migration.ts';
import { Catalog } from './core/catalog/catalog.ts';
import type { Placement } from './core/credentials/credential-put.ts';
import { CredentialService } from './core/credentials/credential-service.ts';
import { credentialParts } from './core/credentials/credential-parts.ts';
import { LegacyReader } from './core/credentials/legacy-reader.ts';
import type { CredentialLimits } from './core/credentials/limits.ts';
import { OutsideChanges } from './core/credentials/outside-changes.ts';
import { PurgeTenant } from './core/credentials/purge-tenant.ts';
import { type ReconcileOptions, Reconciler } from './core/credentials/reconciler.ts';
import { type Stores, storeOf } from './core/credentials/store-errors.ts';
import { credentialServiceLine } from './core/credentials/stored-in.ts';
import { CursorSeal } from './core/crypto/cursor-seal.ts';
import { DataKeys } from './core/crypto/data-keys.ts';
import { requireWholeDatabase } from './core/database-copy/copy-mark.ts';
import type { AnyStepHook } from './core/keys/steps.ts';
import { LimitsService } from './core/limits/limits-service.ts';
import { newReplicaId } from './core/replicas/replica-id.ts';
import { Sources } from './core/outages/sources.ts';
import { AiCredentials } from './core/resolution/ai-credentials.ts';
import { Resolver } from './core/resolution/resolver.ts';
import { Staleness } from './core/resolution/staleness.ts';
import { StoreNames } from './core/stores/store-names.ts';
import { StoreStatus } from './core/stores/store-status.ts';
import { WaitingValues } from './core/stores/waiting-values.ts';
import { CachedTenantStates } from './core/tenants/cached-tenant-states.ts';
import { Policies } from './core/tenants/policies.ts';
import { PolicyService } from './core/tenants/policy-service.ts';
import { TenantService } from './core/tenants/tenant-service.ts';
import { UsageQuery } from './core/usage/usage-query.ts';
import { createGateway, type Gateway } from './gateway/gateway.ts';
import { createControlPlane } from './http/control-plane.ts';
import { ReadinessProbe } from './http/readiness.ts';
import { createServer, type Listener } from './http/server.ts';
import { EndFirstToken } from './jobs/end-first-token.ts';
import { LeaveHeads } from './jobs/leave-heads.ts';
import { reconcileJob } from './jobs/reconcile.ts';
import { RemoveTenants } from './jobs/remove-tenants.ts';
import { idOf } from './ports/secret-store.ts';
import type { Log } from './ports/log.ts';
import type { Seat } from './workers/seat.ts';

export interface ComposeOptions {
  readonly config: Config;
  readonly log: Log;
  readonly version: string;
  /** Where the first administrator's token goes. */
  readonly firstToken: FirstTokenOutlet;
  /** No other process uses this data folder, or none until this one has begun. */
  readonly alone: boolean;
  /** Of one of several processes on the data folder. */
  readonly seat?: Seat;
  /** For tests that stop at a step of a write. */
  readonly step?: AnyStepHook;
  /** For tests that cannot wait for the reconciler's minute. */
  readonly reconcileEveryMs?: number;
  /** For tests that cannot wait for the term of a lease. */
  readonly leaseTermMs?: number;
  /** For tests: instead of the usual limits. */
  readonly limits?: CredentialLimits;
  /** For tests that cannot wait for the five minutes that values are cached. */
  readonly valuesMs?: number;
}

/** Everything that runs, put together. The data folder is the caller's to hold before and to let go after. */
export interface Product {
  /** Not listening yet. */
  readonly server: Listener;
  readonly gateway: Gateway;
  /** Finishes what a dead process left open, starts the jobs, and says ready. */
  begin(): Promise<void>;
  /** `/readyz` says no from now on. */
  refuseNew(): void;
  /** Writes what is still owed and closes the database. Nothing may be under way any more. */
  close(): Promise<void>;
}

/** The only place that knows which adapter is behind which port. Starts in the order of R3.9, each part with its line. */
export async function compose({ config, log, version, firstToken, alone, seat, step, reconcileEveryMs, leaseTermMs, limits, valuesMs }: ComposeOptions): Promise<Product> {
  const clock = systemClock;
  const random = randomBytes;
  const replica = newReplicaId(random);
  const place = takePlace(config.dataDir);
  const shared = shareParts(seat, { clock, log });
  const { metrics, unknownKeys } = shared;
  const { tls, clients, certificateEntries, closeTls } = openListener(config, log);
  const catalog = new Catalog(allServices);

  const secrets = await openOwnKeys({ config, clock, random, log });
  const { ownKeys, vault } = secrets;
  const replicas = await openBus({ local: shared.bus, config, ownKeys, replica, clock, random, metrics, log });
  const { bus } = replicas;

  const metadata = await openDatabase({ config, ownKeys, clock, log });
  await requireWholeDatabase(metadata.platform);
  log.info('database_connected', databaseLine(config.database));
  // A database file lies in the data folder; any other can be shared by replicas that know nothing of one another.
  const databaseIsOurs = alone && metadata.kind === 'sqlite';
  let hasBegun = false;
  const isAlone = (): boolean => databaseIsOurs && !(hasBegun && seat !== undefined);

  const sources = new Sources({ staleLimitMs: config.staleLimitMs, ping: () => metadata.ping(), clock, random, log, metrics });

  const custody = await openRootKey({ config, metadata, vault, memory: shared.rootKeys, log });
  const { root } = custody;
  await replicas.connect(root);
  const dataKeys = new DataKeys({ repository: metadata.dataKeys, root, bus, clock, random });
  const sealed = createSealedStore({ values: metadata.sealedValues, dataKeys, clock, random });
  const digestKey = root.subkey('field-digest');
  const legacy = new LegacyReader({ ...config.legacy, catalog });
  const { store, fallback, stores: installed, all: allStores, close: closeStores } = await openStores({ config, clock, random, log, vault, sealed, digestKey, legacy, dataKeys, sources });

  const ownVaults = openOwnVaults({ config, metadata, sealed, dataKeys, sources, digestKey, bus, clock, random, log });
  const stores: Stores = (id) => ownVaults.stores.storeOf(id) ?? installed(id);
  const placement: Placement = { store, fallback, ownStoreOf: (scope) => ownVaults.stores.storeFor(scope) };

  const { audit, heads, keys: auditKeys, proofs: auditProofs, closeJournal: closeAuditJournal } = await openAudit({ config, metadata, log, metrics, replica, place });
  await custody.settle();
  const witness = await openWitness(config, place, auditProofs, log);
  const leaveHeads = new LeaveHeads({ heads, witness, log });
  const tenantStates = new CachedTenantStates({ tenants: metadata.tenants, bus, clock, metrics, sources });
  const seal = await InstallationSeal.open({ platform: metadata.platform, bus, clock, log, sources });
  const access = new Access({ clock, audit, tenants: tenantStates, seal });
  const egress = egressOf(config);
  const waiting = new WaitingValues({ metrics, log });
  const custodyParts = { records: metadata.credentials, stores, catalog, bus, clock, log, random, digestKey, waiting, mayReach: (host: string) => egress.allows(host), ...(step === undefined ? {} : { step }), ...(limits === undefined ? {} : { limits }) };
  const credentials = new CredentialService({ ...custodyParts, ...placement });
  const parts = credentialParts(custodyParts);
  const ownVault = ownVaults.service({ parts, access, usualStore: idOf(store) });
  const reconciler = new Reconciler({ ...custodyParts, maintenance: metadata.credentialMaintenance, access });
  log.info('credential_service_ready', credentialServiceLine(store.kind), { storedIn: store.kind });

  const keys = createKeys({ config, metadata, custody, dataKeys, access, stores, bus, signer: auditKeys.current, isSealed: () => seal.sealed, wake: () => jobs.wake(keys.job.name), log, step: step ?? (() => undefined) });
  const { principals, web, jobs: signInJobs, administrators, firstTokenEnd, members, users, close: closeSignIn } = await openSignIn({ config, certificateEntries, metadata, access, firstToken, first: place.number === 1, signInKey: root.subkey('sign-in'), bus, clock, random, metrics, sources, log });

  const usage = await openUsage({ config, place, metadata, audit, alone: isAlone, log, metrics, termMs: leaseTermMs });
  const policies = new Policies({ policies: metadata.policies, bus, clock, metrics, sources });
  const tenants = new TenantService({ tenants: metadata.tenants, bus, clock, random });
  const tokens = new TokenService({ ...metadata, administrators, bus, clock, random });
  const roles = new RoleService({ roles: metadata.roles, bus, clock });
  const gatewayKeys = new GatewayKeyService({ gatewayKeys: metadata.gatewayKeys, catalog, bus, clock, random });
  const sharedValues = await openSharedValues({ config, redis: replicas.redis, root, clock, random, log });
  const resolver = new Resolver({
    records: metadata.credentials,
    access,
    stores,
    policies,
    ownKeys,
    offerEnvironmentKeys: config.offerEnvironmentKeys,
    bus,
    clock,
    log,
    metrics,
    valueTtlMs: valuesMs === undefined ? { 'azure-key-vault': config.keyVault?.cacheTtlMs } : { 'azure-key-vault': valuesMs, vault: valuesMs, sealed: valuesMs },
    outside: new OutsideChanges({ parts, access, policies }),
    sources,
    shared: sharedValues === undefined ? undefined : { values: sharedValues, records: metadata.credentials },
  });
  seal.whenSealed(() => resolver.forgetValues());
  const { priceList, prices, priceService, models } = createPrices({ metadata, catalog, bus, clock, metrics, sources });
  const deliver = shared.deliverAll(() => usage.delivery.deliver());
  const budgets = openBudgets({ metadata, policies, journal: usage.journal, priceList, deliver, bus, metrics, sources });
  const gateway = createGateway({
    catalog,
    principals,
    ...clients,
    egress,
    unknownKeys,
    access,
    budgets: budgets.gate,
    policies,
    prices,
    resolver,
    rateLimits: await openRateLimits({ limits: metadata.limits, redis: replicas.redis, seat, bus, installation: root.id, replica, clock, metrics, sources }),
    staleness: new Staleness({ sources, principals, tenantStates, seal, resolver }),
    journal: usage.journal,
    audit,
    metrics,
    log,
    clock,
    random: bufferedRandom(random),
    baseUrls: config.serviceBaseUrls,
    defaultProvider: config.defaultProvider,
    aiCredentials: new AiCredentials({ records: metadata.credentials, catalog, bus, clock, metrics, sources }),
    ...shared.bounds,
  });
  // What would be refused a hundred times an hour waits until keys may be touched again.
  const purge = new PurgeTenant({ records: metadata.credentials, credentials, access });
  const unlessSealed = {
    purgeAll: async (tenant: string) => !seal.sealed && (await purge.purgeAll(tenant)),
    runOnce: async (options: ReconcileOptions) => {
      if (seal.sealed) return { finished: 0, failed: 0 };
      // Nothing is moved at the start, so nothing need be found then.
      if (!options.allOpenIntents) await ownVault.callHome.run();
      return reconciler.runOnce(options);
    },
  };
  const removeTenants = new RemoveTenants({
    tenants: metadata.tenants,
    tokens: metadata.tokens,
    gatewayKeys: metadata.gatewayKeys,
    credentials: unlessSealed,
    ownVaults: ownVault,
    shredding: keys.services.shredding,
    tenantService: tenants,
    tokenService: tokens,
    gatewayKeyService: gatewayKeys,
    memberships: metadata.memberships,
    memberService: members,
    access,
    bus,
    clock,
    log,
  });
  const reconcile = reconcileJob({ reconciler: unlessSealed, waiting, clock, log, everyMs: reconcileEveryMs, startHas: databaseIsOurs });
  const { jobs, list: jobList } = createJobs({ metadata, once: [reconcile, removeTenants, keys.job, leaveHeads.hourly, ...signInJobs], replica, alone: isAlone, log, termMs: leaseTermMs });
  const readiness = new ReadinessProbe({ database: { ping: () => metadata.ping().then(() => sources.database.seenAlive()) }, staleLimitMs: config.staleLimitMs, stores: allStores, seal, bus, witness, missingWorkers: shared.missing, clock, log });
  const controlPlane = await createControlPlane({
    seal,
    tenants,
    policies: new PolicyService({ policies: metadata.policies, catalog, bus }),
    limits: new LimitsService({ limits: metadata.limits, catalog, bus }),
    prices: priceService,
    models,
    ownVaults: ownVault.service,
    tokens,
    roles,
    members,
    users,
    gatewayKeys,
    gatewayKeyFinder: new GatewayKeyFinder({ gatewayKeys: metadata.gatewayKeys, clock }),
    budgets: budgets.service,
    lostLeases: budgets.lostLeases,
    credentials,
    adoption: new Adoption({ parts, sealed: storeOf(stores, 'sealed'), legacy, random }),
    legacyMigration: new LegacyMigration({ parts, placement, legacy }),
    usage: new UsageQuery({ repository: metadata.usage, delivery: { deliver }, clock }),
    storeNames: new StoreNames({ stores: allStores }),
    jobs: jobList,
    storeStatus: new StoreStatus({ stores: allStores, waiting }),
    ...keys.services,
    vault: vault ?? null,
    audit,
    auditProofs,
    auditWitness: witness ?? null,
    catalog,
    access,
    principals,
    ...web,
    ...clients,
    unknownKeys,
    idempotency: new Idempotency(root.subkey('idempotency'), clock),
    cursors: new CursorSeal(root.subkey('cursors'), random),
    log,
    metrics,
    clock,
    random,
    readiness,
    listenIsLoopback: isLoopback(config.listen.host),
    listensWithTls: tls !== undefined,
    version,
  });
  const server = createServer({ gateway, controlPlane, ...clients, random, tls });
  log.info('routes_ready', 'Routes initialized');

  const endFirstToken = new EndFirstToken({ firstToken: firstTokenEnd, log });

  return {
    server,
    gateway,
    begin: async () => {
      if (databaseIsOurs) {
        // Whoever left an intent open is dead (R3.9 comes after: ready means finished). Elsewhere it may be a living replica's, until it expires.
        const { finished, failed } = await unlessSealed.runOnce({ allOpenIntents: true });
        if (finished + failed > 0) log.info('credentials_reconciled', 'Changes of credentials that the process before had left open were finished', { count: finished });
      }
      usage.start();
      budgets.start();
      endFirstToken.start();
      seal.start();
      await jobs.start();
      await leaveHeads.start();
      hasBegun = true;
      readiness.started();
    },
    refuseNew: () => readiness.stopping(),
    close: async () => {
      closeTls();
      seal.stop();
      await jobs.stop();
      await endFirstToken.stop();
      await controlPlane.close();
      await closeSignIn();
      await custody.close();
      closeStores();
      await ownVaults.stores.close();
      await secrets.close();
      await replicas.close();
      await budgets.close();
      await usage.close();
      await audit.close();
      await leaveHeads.stop();
      await closeAuditJournal();
      await metadata.close();
      await shared.leave();
      place.release();
    },
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
