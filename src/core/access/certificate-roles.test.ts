import { describe, expect, it } from 'vitest';
import { createInProcessBus } from '../../adapters/bus/in-process.ts';
import { createMemoryStore } from '../../adapters/metadata-store/memory/memory-store.ts';
import { createMetrics } from '../../adapters/metrics/prometheus.ts';
import { tenantScope } from '../../ports/scope.ts';
import { type CertificateEntries, certificateEntries } from './certificate-entries.ts';
import { CertificateRoles } from './certificate-roles.ts';
import { CustomRoles } from './custom-roles.ts';

const certificate = { uris: ['spiffe://example.org/app'], dnsNames: [], subject: 'CN=app', sha256: 'ab'.repeat(32), validUntil: 10_000 };
const entries = (change: object): CertificateEntries => certificateEntries(JSON.stringify({ certificates: [{ name: 'app', uri: 'spiffe://example.org/app', tenant: 'acme', role: 'tenant-member', ...change }] }));

async function setUp() {
  const { roles } = createMemoryStore();
  await roles.create({ scope: tenantScope('acme'), name: 'caller' }, { scope: tenantScope('acme'), name: 'caller', description: '', permissions: ['gateway.use'], createdAt: 0, createdBy: 'x', deletedAt: null });
  const clock = { time: 0, now: () => clock.time, monotonic: () => clock.time };
  const file = { current: entries({}) };
  return { clock, file, known: new CertificateRoles({ entries: file, customRoles: new CustomRoles({ roles, bus: createInProcessBus(), clock, metrics: createMetrics() }), clock }) };
}

describe('whom client certificates sign in (R10.4)', () => {
  it('S10: what runs with one ends when its entry goes, changes hands or role, or when it ends itself', async () => {
    const { clock, file, known } = await setUp();
    const actor = await known.actorOf(certificate);
    if (actor === undefined) throw new Error('Nobody has it.');
    expect(actor).toMatchObject({ kind: 'certificate', id: 'app', role: 'tenant-member', scope: tenantScope('acme') });
    expect(await known.mayGoOn(actor)).toBe(true);
    for (const change of [{ uri: 'spiffe://example.org/other' }, { name: 'other' }, { tenant: 'globex' }, { tenant: null }, { role: 'tenant-auditor' }, { role: 'unknown' }]) {
      file.current = entries(change);
      expect([change, await known.mayGoOn(actor)]).toEqual([change, false]);
    }
    file.current = entries({ role: 'caller' });
    expect(await known.mayGoOn(actor)).toBe(true);
    clock.time = certificate.validUntil;
    expect([await known.mayGoOn(actor), await known.actorOf(certificate)]).toEqual([false, undefined]);
  });

  it('has what an administrator put into a role, and nothing in one that is not there', async () => {
    const { file, known } = await setUp();
    file.current = entries({ role: 'caller' });
    expect([...((await known.actorOf(certificate))?.permissions ?? [])]).toEqual(['gateway.use']);
    file.current = entries({ role: 'unknown' });
    expect([...((await known.actorOf(certificate))?.permissions ?? ['?'])]).toEqual([]);
  });
});
