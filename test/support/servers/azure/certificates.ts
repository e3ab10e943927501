import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/** PEM texts: a certificate authority of its own, and a certificate for 127.0.0.1 and localhost from it. */
export interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const dayMs = 86_400_000;

/** Made anew at each call, valid from yesterday to tomorrow. DER as in RFC 5280, since Node can read certificates but not write them. */
export function makeCertificates(): Certificates {
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const server = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = 'CA of the Azure test server';
  const authorityKey = keyIdentifier(authority.publicKey);
  const ca = certificate({ subject: issuer, issuer, publicKey: authority.publicKey, signer: authority.privateKey }, [
    extension('2.5.29.19', true, sequence(der(0x01, [0xff]))), // CA: true
    extension('2.5.29.15', true, der(0x03, [1, 0x06])), // signs certificates and revocation lists
    extension('2.5.29.14', false, der(0x04, authorityKey)),
  ]);
  const cert = certificate({ subject: '127.0.0.1', issuer, publicKey: server.publicKey, signer: authority.privateKey }, [
    extension('2.5.29.19', true, sequence()),
    extension('2.5.29.15', true, der(0x03, [7, 0x80])), // digital signature
    extension('2.5.29.37', false, sequence(objectId('1.3.6.1.5.5.7.3.1'))), // TLS server
    extension('2.5.29.17', false, sequence(der(0x87, [127, 0, 0, 1]), der(0x82, Buffer.from('localhost')))),
    extension('2.5.29.35', false, sequence(der(0x80, authorityKey))),
  ]);
  return { ca, cert, key: server.privateKey.export({ type: 'pkcs8', format: 'pem' }) };
}

interface Subject {
  readonly subject: string;
  readonly issuer: string;
  readonly publicKey: KeyObject;
  readonly signer: KeyObject;
}

function certificate({ subject, issuer, publicKey, signer }: Subject, extensions: readonly Buffer[]): string {
  const ecdsaWithSha256 = sequence(objectId('1.2.840.10045.4.3.2'));
  const now = Date.now();
  const serial = randomBytes(16);
  serial[0] = 0x01; // positive, and no leading zero
  const body = sequence(
    der(0xa0, der(0x02, [2])), // version 3
    der(0x02, serial),
    ecdsaWithSha256,
    commonName(issuer),
    sequence(time(now - dayMs), time(now + dayMs)),
    commonName(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = der(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', body, signer)]));
  const base64 = sequence(body, ecdsaWithSha256, signature).toString('base64');
  return `-----BEGIN CERTIFICATE-----\n${base64.match(/.{1,64}/g)!.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function der(tag: number, content: Uint8Array | readonly number[]): Buffer {
  const bytes = Buffer.from(content);
  const length = bytes.length < 0x80 ? [bytes.length] : bytes.length < 0x100 ? [0x81, bytes.length] : [0x82, bytes.length >> 8, bytes.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), bytes]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return der(0x06, [first * 40 + second, ...rest.flatMap(base128)]);
}

function base128(value: number): number[] {
  const bytes = [value & 0x7f];
  for (let left = value >> 7; left > 0; left >>= 7) bytes.unshift((left & 0x7f) | 0x80);
  return bytes;
}

function commonName(name: string): Buffer {
  return sequence(der(0x31, sequence(objectId('2.5.4.3'), der(0x0c, Buffer.from(name)))));
}

/** UTCTime, as RFC 5280 wants it before 2050. */
function time(ms: number): Buffer {
  return der(0x17, Buffer.from(`${new Date(ms).toISOString().slice(2, 19).replace(/[-:T]/g, '')}Z`));
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(objectId(id), ...(critical ? [der(0x01, [0xff])] : []), der(0x04, value));
}

function keyIdentifier(key: KeyObject): Buffer {
  return createHash('sha1').update(key.export({ type: 'spki', format: 'der' })).digest();
}
