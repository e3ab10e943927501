import { TestAuthority } from '../test-authority.ts';

/** PEM texts: a certificate authority of its own, and a certificate for 127.0.0.1 and localhost from it. */
export interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Made anew at each call, valid from yesterday to tomorrow. */
export function makeCertificates(): Certificates {
  const authority = new TestAuthority('CA of the Azure test server');
  const { cert, key } = authority.issue({ purpose: 'server', name: '127.0.0.1', addresses: [[127, 0, 0, 1]], dnsNames: ['localhost'] });
  return { ca: authority.ca, cert, key };
}
