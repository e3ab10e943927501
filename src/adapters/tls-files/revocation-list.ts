import type { X509Certificate } from 'node:crypto';
import { type DerValue, derValues, GENERALIZED_TIME, inside, INTEGER, SEQUENCE, UTC_TIME } from './der.ts';

/** The certificates that a CA has taken back, each by its issuer and serial number as `certificateMark` writes them. */
export interface RevocationList {
  readonly revoked: readonly string[];
  /** When the CA promises the next one; from then on nothing is let in by this one. Milliseconds since the epoch; null: not said. */
  readonly nextUpdate: number | null;
}

/**
 * Reads one certificate revocation list (RFC 5280, section 5.1). Node checks new connections by it and says nothing of what is in it; those that are open are
 * looked over by this. Whether it is signed is left to Node: an operator has put it there.
 */
export function readRevocationList(der: Buffer): RevocationList {
  const [list] = derValues(der);
  const fields = [...inside(inside(list)[0])];
  if (fields[0]?.tag === INTEGER) fields.shift();
  const [, issuer, , ...rest] = fields;
  if (issuer?.tag !== SEQUENCE) throw new Error('it is no certificate revocation list');
  const next = rest[0] !== undefined && isTime(rest[0]) ? rest.shift() : undefined;
  // What follows in brackets are extensions.
  const entries = rest[0]?.tag === SEQUENCE ? inside(rest[0]) : [];
  return { revoked: entries.map((entry) => markOf(issuer, inside(entry)[0])), nextUpdate: next === undefined ? null : timeOf(next) };
}

/** Issuer and serial number of a certificate. */
export function certificateMark({ raw }: Pick<X509Certificate, 'raw'>): string {
  const [certificate] = derValues(raw);
  const fields = [...inside(inside(certificate)[0])];
  // The version, which the first ones had not.
  if (fields[0]?.tag !== INTEGER) fields.shift();
  const [serial, , issuer] = fields;
  return markOf(issuer, serial);
}

function markOf(issuer: DerValue | undefined, serial: DerValue | undefined): string {
  if (issuer?.tag !== SEQUENCE || serial?.tag !== INTEGER) throw new Error('it has no issuer and serial number where they belong');
  return `${serial.content.toString('hex')} ${issuer.whole.toString('base64')}`;
}

function isTime({ tag }: DerValue): boolean {
  return tag === UTC_TIME || tag === GENERALIZED_TIME;
}

/** RFC 5280, section 4.1.2.5: without fractions, in UTC. */
function timeOf({ tag, content }: DerValue): number {
  const text = content.toString('latin1');
  const [, year = '', ...others] = (tag === UTC_TIME ? /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/ : /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/).exec(text) ?? [];
  const [month = 1, day = 1, hours = 0, minutes = 0, seconds = 0] = others.map(Number);
  if (year === '') throw new Error('it has a time that cannot be read');
  const whole = tag === UTC_TIME ? Number(year) + (Number(year) < 50 ? 2_000 : 1_900) : Number(year);
  return Date.UTC(whole, month - 1, day, hours, minutes, seconds);
}
