import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';

/**
 * A second reader of the published vectors, written from docs/sealing-format.md alone as its Python program is, and with none of the product's code:
 * what the page says is enough to read what the product writes.
 */
interface Published {
  readonly keyFile: string;
  readonly rootId: string;
  readonly rootCommitment: string;
  readonly wrappedRootKey: string;
  readonly dataKey: { readonly scope: string; readonly tenant: string; readonly id: string; readonly wrapped: string; readonly commitment: string };
  readonly values: readonly { readonly scope: string; readonly tenant: string; readonly service: string; readonly label: string; readonly field: string; readonly version: number; readonly text: string; readonly sealed: string }[];
}

type Bytes = Uint8Array<ArrayBuffer>;

const { subtle } = crypto;
const utf8 = (text: string): Bytes => new TextEncoder().encode(text);
const base64 = (text: string): Bytes => new Uint8Array(Buffer.from(text, 'base64'));
const hex = (bytes: Bytes): string => Buffer.from(bytes).toString('hex');
const published = JSON.parse(/```json\n([^`]*)```/.exec(await readFile(new URL('../../../docs/sealing-format.md', import.meta.url), 'utf8'))?.[1] ?? '') as Published;

async function hkdf(key: Bytes, salt: Bytes, info: string): Promise<Bytes> {
  const material = await subtle.importKey('raw', key, 'HKDF', false, ['deriveBits']);
  return new Uint8Array(await subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt, info: utf8(info) }, material, 256));
}

function frame(...texts: readonly string[]): Bytes {
  return new Uint8Array(
    texts.flatMap((text) => {
      const bytes = utf8(text);
      return [0, 0, bytes.length >> 8, bytes.length & 0xff, ...bytes];
    }),
  );
}

async function open(key: Bytes, purpose: string, aad: Bytes, envelope: Bytes): Promise<Bytes> {
  const salt = envelope.slice(1, 33);
  if (envelope[0] !== 1) throw new Error('another format');
  if (hex(await hkdf(key, salt, `keyhold/1/${purpose}/commitment`)) !== hex(envelope.slice(33, 65))) throw new Error('another key');
  const subkey = await subtle.importKey('raw', await hkdf(key, salt, `keyhold/1/${purpose}`), 'AES-GCM', false, ['decrypt']);
  return new Uint8Array(await subtle.decrypt({ name: 'AES-GCM', iv: envelope.slice(65, 77), additionalData: aad, tagLength: 128 }, subkey, envelope.slice(77)));
}

/** What leads to a value; the layers from the outside to the inside. */
const envelopes = (): readonly Bytes[] => [published.wrappedRootKey, published.dataKey.wrapped, published.values[0]!.sealed].map((text) => base64(text));

async function read([root, dataKey, value]: readonly Bytes[], place: Omit<Published['values'][number], 'text' | 'sealed'>, { rootId, dataKey: { id } } = published): Promise<string> {
  const rootKey = await open(base64(published.keyFile), 'root-key', frame('keyhold root key 1', rootId), root!);
  const wrapping = await hkdf(rootKey, utf8(rootId), 'keyhold/1/root/data-keys');
  const key = await open(wrapping, 'data-key', frame('keyhold data key 1', place.scope, place.tenant, id, rootId), dataKey!);
  const padded = await open(key, 'value', frame('keyhold sealed value 1', place.scope, place.tenant, place.service, place.label, place.field, String(place.version), id), value!);
  return new TextDecoder('utf-8', { fatal: true }).decode(padded.slice(0, padded.lastIndexOf(0x80)));
}

describe('S13: docs/sealing-format.md', () => {
  it('is enough to read every vector by', async () => {
    const [root, dataKey] = envelopes();
    for (const { text, sealed, ...place } of published.values) expect(await read([root!, dataKey!, base64(sealed)], place)).toBe(text);
  });

  it('S16 says what a certificate\'s commitments are', async () => {
    const { keyFile, rootId, dataKey } = published;
    const [root, wrapped] = envelopes();
    const rootKey = await open(base64(keyFile), 'root-key', frame('keyhold root key 1', rootId), root!);
    expect(hex(await hkdf(rootKey, utf8(rootId), 'keyhold/1/root-commitment'))).toBe(published.rootCommitment);
    const key = await open(await hkdf(rootKey, utf8(rootId), 'keyhold/1/root/data-keys'), 'data-key', frame('keyhold data key 1', dataKey.scope, dataKey.tenant, dataKey.id, rootId), wrapped!);
    expect(hex(await hkdf(key, frame(dataKey.scope, dataKey.tenant, dataKey.id), 'keyhold/1/data-key-commitment'))).toBe(dataKey.commitment);
  });

  it('leaves no byte of a value or of the keys above it, and nothing of what it is bound to, that could be another', async () => {
    const { text: _text, sealed: _sealed, ...place } = published.values[0]!;
    for (const [layer, envelope] of envelopes().entries()) {
      for (const index of envelope.keys()) {
        const changed = envelopes().map((one) => one.slice());
        changed[layer]![index]! ^= 1;
        await expect(read(changed, place), `byte ${index} of layer ${layer}`).rejects.toThrow();
      }
    }
    const others = [{ scope: 'platform' }, { tenant: 'beta' }, { service: 'groq' }, { label: 'eu' }, { field: 'api_keyx' }, { version: 2 }].map((other) => ({ ...place, ...other }));
    for (const other of others) await expect(read(envelopes(), other)).rejects.toThrow();
    await expect(read(envelopes(), place, { ...published, rootId: 'root_0001020304050608' })).rejects.toThrow();
    await expect(read(envelopes(), place, { ...published, dataKey: { ...published.dataKey, id: 'dk_2' } })).rejects.toThrow();
  });
});
