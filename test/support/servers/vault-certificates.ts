import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { VaultServer } from './vault.ts';

export interface CertificateFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** A certificate for 127.0.0.1, for server or client, from a CA of its own that this Vault makes. The files lie in the folder. */
export async function makeCertificate(vault: VaultServer, folder: string, commonName: string): Promise<CertificateFiles> {
  const mount = `pki-${commonName}`;
  await vault.ask('POST', `sys/mounts/${mount}`, { type: 'pki', config: { max_lease_ttl: '24h' } });
  const { certificate: ca } = await vault.ask('POST', `${mount}/root/generate/internal`, { common_name: `CA of ${commonName}`, ttl: '12h' });
  await vault.ask('POST', `${mount}/roles/any`, { allow_any_name: true, allow_ip_sans: true, enforce_hostnames: false, max_ttl: '6h' });
  const { certificate: cert, private_key: key } = await vault.ask('POST', `${mount}/issue/any`, { common_name: commonName, ip_sans: '127.0.0.1', ttl: '6h' });
  const write = (ending: string, pem: unknown): string => {
    const file = path.join(folder, `${commonName}.${ending}`);
    writeFileSync(file, `${String(pem)}\n`);
    return file;
  };
  return { ca: write('ca.pem', ca), cert: write('cert.pem', cert), key: write('key.pem', key) };
}
