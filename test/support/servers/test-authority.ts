import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

const dayMs = 86_400_000;

/** What a certificate is for. */
type Purpose = 'server' | 'client';

export interface IssueOptions {
  readonly purpose: Purpose;
  /** The subject's common name. */
  readonly name: string;
  readonly organization?: string | undefined;
  /** Subject alternative names. */
  readonly uris?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly addresses?: readonly (readonly [number, number, number, number])[];
  /** Milliseconds since the epoch; a day before and after now when left out. */
  readonly validFrom?: number;
  readonly validUntil?: number;
}

/** PEM texts, and the serial number's bytes. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
  readonly serial: Buffer;
}

/** A certificate authority of a test, with a key made anew. DER as in RFC 5280, since Node can read certificates but not write them. */
export class TestAuthority {
  /** PEM. */
  readonly ca: string;
  readonly #name: string;
  readonly #key: KeyObject;
  readonly #keyId: Buffer;

  constructor(name: string) {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#name = name;
    this.#key = privateKey;
    this.#keyId = createHash('sha1').update(publicKey.export({ type: 'spki', format: 'der' })).digest();
    this.ca = this.#certificate(newSerial(), distinguishedName({ name }), publicKey, [Date.now() - dayMs, Date.now() + dayMs], [
      extension('2.5.29.19', true, sequence(der(0x01, [0xff]))), // CA: true
      extension('2.5.29.15', true, der(0x03, [1, 0x06])), // signs certificates and revocation lists
      extension('2.5.29.14', false, der(0x04, this.#keyId)),
    ]);
  }

  issue({ purpose, name, organization, uris = [], dnsNames = [], addresses = [], validFrom = Date.now() - dayMs, validUntil = Date.now() + dayMs }: IssueOptions): Issued {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const serial = newSerial();
    const names = [...addresses.map((address) => der(0x87, address)), ...dnsNames.map((dns) => der(0x82, Buffer.from(dns))), ...uris.map((uri) => der(0x86, Buffer.from(uri)))];
    const cert = this.#certificate(serial, distinguishedName({ name, organization }), publicKey, [validFrom, validUntil], [
      extension('2.5.29.19', true, sequence()),
      extension('2.5.29.15', true, der(0x03, [7, 0x80])), // digital signature
      extension('2.5.29.37', false, sequence(objectId(purpose === 'server' ? '1.3.6.1.5.5.7.3.1' : '1.3.6.1.5.5.7.3.2'))),
      ...(names.length === 0 ? [] : [extension('2.5.29.17', false, sequence(...names))]),
      extension('2.5.29.35', false, sequence(der(0x80, this.#keyId))),
    ]);
    return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }), serial };
  }

  /** PEM: a list of what it has revoked, which ends at `until`. */
  revocationList(revoked: readonly Pick<Issued, 'serial'>[], until: number = Date.now() + dayMs): string {
    const body = sequence(
      der(0x02, [1]), // version 2
      ecdsaWithSha256,
      distinguishedName({ name: this.#name }),
      time(Date.now() - dayMs),
      time(until),
      ...(revoked.length === 0 ? [] : [sequence(...revoked.map(({ serial }) => sequence(der(0x02, serial), time(Date.now() - 1_000))))]),
      der(0xa0, sequence(extension('2.5.29.35', false, sequence(der(0x80, this.#keyId))), extension('2.5.29.20', false, der(0x02, [1])))),
    );
    return this.#signed('X509 CRL', body);
  }

  #certificate(serial: Buffer, subject: Buffer, publicKey: KeyObject, [from, until]: readonly [number, number], extensions: readonly Buffer[]): string {
    const body = sequence(
      der(0xa0, der(0x02, [2])), // version 3
      der(0x02, serial),
      ecdsaWithSha256,
      distinguishedName({ name: this.#name }),
      sequence(time(from), time(until)),
      subject,
      publicKey.export({ type: 'spki', format: 'der' }),
      der(0xa3, sequence(...extensions)),
    );
    return this.#signed('CERTIFICATE', body);
  }

  #signed(what: string, body: Buffer): string {
    const signature = der(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', body, this.#key)]));
    const base64 = sequence(body, ecdsaWithSha256, signature).toString('base64');
    return `-----BEGIN ${what}-----\n${base64.match(/.{1,64}/g)!.join('\n')}\n-----END ${what}-----\n`;
  }
}

function newSerial(): Buffer {
  const serial = randomBytes(16);
  serial[0] = 0x01; // positive, and no leading zero
  return serial;
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

function distinguishedName({ name, organization }: Pick<IssueOptions, 'name' | 'organization'>): Buffer {
  const part = (id: string, text: string): Buffer => der(0x31, sequence(objectId(id), der(0x0c, Buffer.from(text))));
  return sequence(...(organization === undefined ? [] : [part('2.5.4.10', organization)]), part('2.5.4.3', name));
}

/** UTCTime, as RFC 5280 wants it before 2050. */
function time(ms: number): Buffer {
  return der(0x17, Buffer.from(`${new Date(ms).toISOString().slice(2, 19).replace(/[-:T]/g, '')}Z`));
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(objectId(id), ...(critical ? [der(0x01, [0xff])] : []), der(0x04, value));
}

const ecdsaWithSha256 = sequence(objectId('1.2.840.10045.4.3.2'));
