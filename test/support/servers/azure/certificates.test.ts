import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { expect, test } from 'vitest';
import { makeCertificates } from './certificates.ts';

test('every certificate can be read, is from its own authority, and is for 127.0.0.1 and localhost alone', () => {
  for (let round = 0; round < 50; round += 1) {
    const { ca, cert, key } = makeCertificates();
    const authority = new X509Certificate(ca);
    const server = new X509Certificate(cert);
    createSecureContext({ ca, cert, key });
    expect([authority.ca, server.ca, server.checkIssued(authority), server.verify(authority.publicKey)]).toEqual([true, false, true, true]);
    expect([server.checkIP('127.0.0.1'), server.checkHost('localhost'), server.checkIP('127.0.0.2'), server.checkHost('example.com')]).toEqual(['127.0.0.1', 'localhost', undefined, undefined]);
    expect(server.verify(new X509Certificate(makeCertificates().ca).publicKey)).toBe(false);
  }
});
