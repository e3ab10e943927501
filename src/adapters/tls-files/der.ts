/** One value of DER (X.690), as far as certificates and revocation lists need it. */
export interface DerValue {
  readonly tag: number;
  /** With tag and length. */
  readonly whole: Buffer;
  readonly content: Buffer;
}

export const SEQUENCE = 0x30;
export const INTEGER = 0x02;
export const UTC_TIME = 0x17;
export const GENERALIZED_TIME = 0x18;

/** The values that stand one after the other in these bytes. Throws where they are no DER. */
export function derValues(bytes: Buffer): readonly DerValue[] {
  const values: DerValue[] = [];
  let at = 0;
  while (at < bytes.length) {
    const value = valueAt(bytes, at);
    values.push(value);
    at += value.whole.length;
  }
  return values;
}

function valueAt(bytes: Buffer, start: number): DerValue {
  const tag = bytes[start] ?? 0;
  const first = bytes[start + 1];
  // A tag of several bytes stands in neither of the two.
  if (first === undefined || (tag & 0x1f) === 0x1f) throw notDer();
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  const contentAt = start + 2 + lengthBytes;
  if (first === 0x80 || lengthBytes > 4 || contentAt > bytes.length) throw notDer();
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(start + 2, lengthBytes);
  const end = contentAt + length;
  if (end > bytes.length) throw notDer();
  return { tag, whole: bytes.subarray(start, end), content: bytes.subarray(contentAt, end) };
}

/** The values inside a sequence. Throws for anything else. */
export function inside(value: DerValue | undefined): readonly DerValue[] {
  if (value?.tag !== SEQUENCE) throw notDer();
  return derValues(value.content);
}

function notDer(): Error {
  return new Error('it is not what it should be in DER');
}
