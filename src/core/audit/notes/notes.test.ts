import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SecretValue } from '../../../ports/secret-value.ts';
import { emptyRoot, leafHash } from '../tree/hashing.ts';
import { openCheckpoint, parseCheckpoint, signCheckpoint, tenantOf, tenantOrigin } from './checkpoint.ts';
import { isSignedBy, parseNote, signNote } from './signed-note.ts';
import { newSigningKeyLine, parseSigningKey, type SigningKey } from './signing-key.ts';
import { parseVerifierKey, type VerifierKey } from './verifier-key.ts';

/** The example of https://c2sp.org/signed-note. */
const exampleKey = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';
const example = 'This is an example message.\n\n\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n';

/** The example key of Go's package golang.org/x/mod/sumdb/note, published there with its private half. */
const goKey = 'PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz';
const goVerifier = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const goNote =
  'If you think cryptography is the answer to your problem,\nthen you don\'t know what your problem is.\n\n\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';

function verifierOf(text: string): VerifierKey {
  const key = parseVerifierKey(text);
  if (key === undefined) throw new Error('no key');
  return key;
}

function newKey(name: string): SigningKey {
  const key = parseSigningKey(newSigningKeyLine(name, randomBytes));
  if (key === undefined) throw new Error('no key');
  return key;
}

function isSigned(note: string, ...keys: readonly VerifierKey[]): boolean {
  const parsed = parseNote(note);
  return parsed !== undefined && isSignedBy(parsed, keys);
}

describe('signed notes (C2SP signed-note)', () => {
  it('verify as the specification\'s and Go\'s own examples do', () => {
    expect(isSigned(example, verifierOf(exampleKey))).toBe(true);
    expect(isSigned(goNote, verifierOf(goVerifier))).toBe(true);
    expect(isSigned(example, verifierOf(goVerifier))).toBe(false);
    expect(String(verifierOf(exampleKey))).toBe(exampleKey);
  });

  it('are signed byte by byte as Go signs them', () => {
    const key = parseSigningKey(new SecretValue(goKey));
    expect(String(key?.verifier)).toBe(goVerifier);
    if (key !== undefined) expect(signNote(goNote.slice(0, goNote.indexOf('\n\n') + 1), key)).toBe(goNote);
  });

  it('are spoiled by every changed bit', () => {
    const bytes = Buffer.from(example);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(isSigned(changed.toString('latin1') === bytes.toString('latin1') ? '' : changed.toString(), verifierOf(exampleKey))).toBe(false);
    }
  });

  it('count with one signature of a known key, unless another known key\'s is wrong', () => {
    const [first, second, stranger] = [newKey('a.example/log'), newKey('a.example/log'), newKey('b.example/log')];
    const note = signNote('text\n\nwith an empty line\n', first, second, stranger);
    expect(parseNote(note)?.text).toBe('text\n\nwith an empty line\n');
    expect(isSigned(note, first.verifier)).toBe(true);
    expect(isSigned(note, second.verifier, stranger.verifier)).toBe(true);
    expect(isSigned(note, newKey('a.example/log').verifier)).toBe(false);
    const spoiled = signNote('text\n', first) + signNote('another text\n', second).split('\n\n')[1];
    expect(isSigned(spoiled, first.verifier)).toBe(true);
    expect(isSigned(spoiled, first.verifier, second.verifier)).toBe(false);
  });

  it.each([
    ['nothing', ''],
    ['no signature', 'text\n\n'],
    ['no empty line', 'text\n\u2014 a AAAAAAAA\n'],
    ['no newline at the end', example.slice(0, -1)],
    ['a carriage return', example.replace('message.\n', 'message.\r\n')],
    ['a control character', example.replace('This', 'Th\u0007is')],
    ['half a surrogate pair', example.replace('This', 'Th\uD83Dis')],
    ['a hyphen for the dash', example.replace('\u2014', '-')],
    ['base64 with the wrong bits at its end', example.replace('yaQM=', 'yaQN=')],
    ['base64 without padding', example.replace('yaQM=', 'yaQM')],
    ['a signature that is too short', 'text\n\n\u2014 a AAAAAA==\n'],
    ['something after the signatures', `${example}more\n`],
    ['a name with a plus', 'text\n\n\u2014 a+b AAAAAAAA\n'],
    ['more signatures than anybody makes', `text\n\n${'\u2014 a AAAAAAAA\n'.repeat(101)}`],
  ])('are not: %s', (_what, note) => {
    expect(parseNote(note)).toBeUndefined();
  });

  it('have keys whose parts fit each other', () => {
    for (const text of ['', 'a+b', exampleKey.replace('530d903a', '530d903b'), exampleKey.replace('foo', 'bar'), exampleKey.replace('+Ae', '+Be'), exampleKey.slice(0, -4), `${exampleKey}\n`, ` ${exampleKey}`]) {
      expect(parseVerifierKey(text)).toBeUndefined();
    }
    for (const text of ['', goVerifier, goKey.replace('c74f20a3', 'c74f20a4'), goKey.replace('Peter', 'Paul'), goKey.slice(0, -4), `${goKey}\n`]) {
      expect(parseSigningKey(new SecretValue(text))).toBeUndefined();
    }
    expect(() => newSigningKeyLine('two words', randomBytes)).toThrow(RangeError);
  });
});

describe('checkpoints (C2SP tlog-checkpoint, S30)', () => {
  const key = newKey('keyhold/test');

  it('say origin, size and root, one a line, signed under the tree\'s own name', () => {
    const root = leafHash('x');
    const note = signCheckpoint({ origin: 'keyhold/test', size: 20_852_163, root }, key);
    expect(note.split('\n').slice(0, 4)).toEqual(['keyhold/test', '20852163', root.toString('base64'), '']);
    expect(note.split('\n')[4]).toMatch(/^\u2014 keyhold\/test /);
    expect(openCheckpoint(note, [key.verifier])).toEqual({ origin: 'keyhold/test', size: 20_852_163, root });
    expect(openCheckpoint(note, [newKey('keyhold/test').verifier])).toBeUndefined();
    expect(openCheckpoint(note, [key.verifier.named('keyhold/other')])).toBeUndefined();
  });

  it('are read as the specification shows one, with extension lines or without', () => {
    const text = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n';
    const signature = '\n\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n';
    expect(parseCheckpoint(text + signature)).toMatchObject({ origin: 'example.com/behind-the-sofa', size: 20_852_163 });
    expect(parseCheckpoint(`${text}extension\n${signature}`)).toMatchObject({ size: 20_852_163 });
    expect(parseCheckpoint(`${text}\nextension\n${signature}`)).toBeUndefined();
    for (const size of ['020852163', '-1', '+1', '1e3', '', '0x10', '9007199254740993']) expect(parseCheckpoint(text.replace('20852163', size) + signature)).toBeUndefined();
    expect(parseCheckpoint(text.replace('CsUY', 'CsU') + signature)).toBeUndefined();
  });

  it('of an empty tree have the hash of nothing', () => {
    expect(openCheckpoint(signCheckpoint({ origin: 'keyhold/test', size: 0, root: emptyRoot() }, key), [key.verifier])).toMatchObject({ size: 0 });
    const other = signNote(`keyhold/test\n0\n${leafHash('').toString('base64')}\n`, key);
    expect(openCheckpoint(other, [key.verifier])).toBeUndefined();
  });

  it('of a tenant\'s tree are signed by the log\'s key under the tenant\'s name, and stand for no other tree', () => {
    const origin = tenantOrigin('keyhold/test', 'acme');
    const note = signCheckpoint({ origin, size: 1, root: leafHash('x') }, key);
    expect(openCheckpoint(note, [key.verifier])).toMatchObject({ origin });
    expect(openCheckpoint(note, [key.verifier.named(origin)])).toMatchObject({ origin });
    expect(openCheckpoint(note, [key.verifier.named(tenantOrigin('keyhold/test', 'globex'))])).toBeUndefined();
    expect(openCheckpoint(signCheckpoint({ origin: 'keyhold/test', size: 1, root: leafHash('x') }, key), [key.verifier.named(origin)])).toBeUndefined();
    expect([tenantOf('keyhold/test', origin), tenantOf('keyhold/test', 'keyhold/test'), tenantOf('keyhold/test', 'keyhold/test/tenants/')]).toEqual(['acme', undefined, undefined]);
  });

  it('never throw, whatever is read as one', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        parseCheckpoint(text);
        parseVerifierKey(text);
        openCheckpoint(`${text}\n\n\u2014 a AAAAAAAA\n`, [key.verifier]);
      }),
    );
  });
});
