import { createPrivateKey, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseWitnessKey, type WitnessKey } from './witness-key.ts';

/** Public keys of witnesses as they are published (the first is in the policies of several logs). */
const published = ['remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2', 'witness.example.com/w1+969980cf+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X'];

const text = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n';
const logLine = '\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n';
const witnessKey = createPrivateKey({ key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(Array.from({ length: 32 }, (_, index) => index + 32))]), format: 'der', type: 'pkcs8' });

function keyOf(vkey: string): WitnessKey {
  const key = parseWitnessKey(vkey);
  if (key === undefined) throw new Error('no key');
  return key;
}

/** A cosignature made word for word as https://c2sp.org/tlog-cosignature says. */
function cosignature({ time = 1_679_315_147n, signed, over = text, id = '969980cf', name = 'witness.example.com/w1' }: { time?: bigint; signed?: bigint; over?: string; id?: string; name?: string } = {}): string {
  const stamp = Buffer.alloc(8);
  stamp.writeBigUInt64BE(time);
  const signature = sign(null, Buffer.from(`cosignature/v1\ntime ${signed ?? time}\n${over}`), witnessKey);
  return `\u2014 ${name} ${Buffer.concat([Buffer.from(id, 'hex'), stamp, signature]).toString('base64')}\n`;
}

describe('cosignatures of a witness (C2SP tlog-cosignature, S30)', () => {
  const key = keyOf('witness.example.com/w1+969980cf+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X');

  it('have keys whose parts fit each other, of the type for cosignatures, or of the one for notes, which has another id', () => {
    for (const vkey of published) expect(String(parseWitnessKey(vkey))).toBe(vkey);
    expect(String(parseWitnessKey('TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6'))).toMatch(/^TEST\+[0-9a-f]{8}\+BAcC\+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6$/);
    for (const vkey of ['', 'x', published[0]?.replace('da77', 'da78') ?? '', published[0]?.replace('+BO', '+CO') ?? '', published[0]?.slice(0, -4) ?? '', 'bananas.sigstore.dev+12344556', 'rekor.sigstore.dev+12345678+AwEB']) expect(parseWitnessKey(vkey)).toBeUndefined();
  });

  it('are found among other signatures, with the time that they say', () => {
    const line = cosignature();
    expect(key.cosignatureIn(`${text}\n${logLine}${line}`)).toEqual({ line: line.slice(0, -1), at: 1_679_315_147 });
    expect(key.cosignatureIn(`${text}\n${line}${logLine}`)).toMatchObject({ at: 1_679_315_147 });
    expect(key.cosignatureIn(`${text}\n${cosignature({ over: 'x' })}${line}`)).toMatchObject({ at: 1_679_315_147 });
  });

  it('verify as litewitness 0.6 makes them, another implementation\'s', () => {
    const witness = keyOf('example.com/witness+9589da66+BN9Gid8C/eXNgXXmYSqDicYzDkOODE12i34mUdW5EXx2');
    const note =
      'keyhold/91450a90663c9e6f\n2\ne5/NMiyeI7qKH1w4OkxNYHr7JxZtIxrQhrHl8FxEr7M=\n\n' +
      '\u2014 keyhold/91450a90663c9e6f SC6wHzVIgfjKqVAlwQh9bUGFbrUktR5TqZWNAmmoSYs3wGskH+Eakvk69A7Yv3QzwdtnBI+iBtU0gx8jsbo7KZNPjgY=\n' +
      '\u2014 example.com/witness lYnaZgAAAABrCmPjlrwUD8GflBTn3bh3aZxBk5F7MV5Nn0+Cxe9CMmOsTa4eXrTt9orAiO2QtUK2/7BzJj6WuKH9W+JquJv7whGHBA==\n';
    expect(witness.cosignatureIn(note)).toMatchObject({ at: Date.UTC(2026, 10, 28, 5, 17, 23) / 1000 });
    expect(witness.cosignatureIn(note.replace('\n2\n', '\n3\n'))).toBeUndefined();
  });

  it('are none over another text or time, of another key or name, or with a bit changed', () => {
    for (const line of [logLine, cosignature({ over: text.replace('163', '164') }), cosignature({ signed: 1n }), cosignature({ id: '00000000' }), cosignature({ name: 'witness.example.com/w2' }), cosignature({ time: 2n ** 64n - 1n })]) {
      expect(key.cosignatureIn(`${text}\n${line}`)).toBeUndefined();
    }
    expect(key.cosignatureIn('no note')).toBeUndefined();
    const bytes = Buffer.from(cosignature().split(' ')[2] ?? '', 'base64');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(key.cosignatureIn(`${text}\n\u2014 ${key.name} ${changed.toString('base64')}\n`)).toBeUndefined();
    }
    expect(key.cosignatureIn(`${text}\n\u2014 ${key.name} ${bytes.subarray(0, -1).toString('base64')}\n`)).toBeUndefined();
  });
});
