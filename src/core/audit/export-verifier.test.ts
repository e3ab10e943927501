import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeLog, randomRow, type TestLog } from '../../../test/support/audit-logs.ts';
import type { AuditRow } from '../../ports/metadata/audit.ts';
import { AuditTrees } from './audit-trees.ts';
import { canonicalRow, rowHash } from './canonical-row.ts';
import { checkpointsIn } from './checkpoint-texts.ts';
import { ExportVerifier, type Verdict } from './export-verifier.ts';
import { signCheckpoint } from './notes/checkpoint.ts';
import { signKeyChange } from './notes/key-change.ts';
import { signNote } from './notes/signed-note.ts';
import { SigningKey } from './notes/signing-key.ts';
import type { VerifierKey } from './notes/verifier-key.ts';

function verdictOf(exported: string | Buffer, keys: readonly VerifierKey[], earlier: readonly string[]): Verdict {
  const verifier = new ExportVerifier(keys, earlier);
  let rest = Buffer.from(exported);
  for (let newline = rest.indexOf('\n'); newline >= 0; newline = rest.indexOf('\n')) {
    verifier.line(rest.subarray(0, newline));
    rest = rest.subarray(newline + 1);
  }
  if (rest.length > 0) verifier.line(rest);
  return verifier.end(rest.length === 0);
}

/** A log with an earlier head of it, and the export of what it became. */
interface Case {
  readonly log: TestLog;
  readonly keys: readonly VerifierKey[];
  readonly earlier: string;
  readonly exported: string;
}

async function caseOf(before: readonly Partial<AuditRow>[], after: readonly Partial<AuditRow>[]): Promise<Case> {
  const log = makeLog();
  for (const [index, row] of before.entries()) await log.add([row], `r${index % 2}`);
  const earlier = (await log.heads.current()).note;
  for (const row of after) await log.add([row]);
  return { log, keys: [log.key.verifier], earlier, exported: await log.exported() };
}

const anyCase = fc.tuple(fc.array(randomRow, { minLength: 1, maxLength: 8 }), fc.array(randomRow, { maxLength: 6 }));

/** Tries changes on random logs: whatever `change` makes of the lines, unless it is the same, must not be proven. */
async function neverProven(change: (lines: readonly string[], random: number, given: Case) => readonly string[]): Promise<void> {
  await fc.assert(
    fc.asyncProperty(anyCase, fc.array(fc.nat(), { minLength: 20, maxLength: 20 }), async ([before, after], randoms) => {
      const given = await caseOf(before, after);
      expect(verdictOf(given.exported, given.keys, [given.earlier]).state).toBe('proven');
      const lines = given.exported.slice(0, -1).split('\n');
      for (const random of randoms) {
        const changed = `${change(lines, random, given).join('\n')}\n`;
        if (changed !== given.exported) expect([verdictOf(changed, given.keys, [given.earlier]).state, changed]).not.toEqual(['proven', changed]);
      }
    }),
    { numRuns: 40 },
  );
}

describe('an exported log that was changed (S30)', () => {
  let given: Case;
  beforeAll(async () => {
    given = await caseOf([{ resource: 'tenant:acme/openai/café 🔑' }], [{ tenant: null, outcome: 'ok' }]);
  });

  it('is not proven with any bit of it flipped, any byte of it left out or any byte put in', { timeout: 240_000 }, () => {
    const bytes = Buffer.from(given.exported);
    for (let at = 0; at < bytes.length; at += 1) {
      for (let bit = 0; bit < 8; bit += 1) {
        const flipped = Buffer.from(bytes);
        flipped[at] = (flipped[at] ?? 0) ^ (1 << bit);
        expect([at, bit, verdictOf(flipped, given.keys, [given.earlier]).state]).not.toEqual([at, bit, 'proven']);
      }
      expect([at, verdictOf(Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]), given.keys, [given.earlier]).state]).not.toEqual([at, 'proven']);
      expect([at, verdictOf(Buffer.concat([bytes.subarray(0, at), Buffer.from(at % 3 === 0 ? '\n' : ' '), bytes.subarray(at)]), given.keys, [given.earlier]).state]).not.toEqual([at, 'proven']);
      expect([at, verdictOf(bytes.subarray(0, at), given.keys, [given.earlier]).state]).not.toEqual([at, 'proven']);
    }
  });

  it('is not proven with a bit of any random log flipped', async () => {
    await fc.assert(
      fc.asyncProperty(anyCase, fc.array(fc.nat(), { minLength: 40, maxLength: 40 }), async ([before, after], randoms) => {
        const { exported, keys, earlier } = await caseOf(before, after);
        const bytes = Buffer.from(exported);
        for (const random of randoms) {
          const bit = random % (bytes.length * 8);
          const flipped = Buffer.from(bytes);
          flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          expect(verdictOf(flipped, keys, [earlier]).state).not.toBe('proven');
        }
      }),
      { numRuns: 40 },
    );
  });

  it('is not proven without any of its lines, nor with one twice', async () => {
    await neverProven((lines, random) => lines.toSpliced(random % lines.length, random % 3 === 0 ? 1 : 1 + (random % 4)));
    await neverProven((lines, random) => lines.toSpliced(random % lines.length, 0, lines[(random * 7) % lines.length] ?? ''));
  });

  it('is not proven with any two of its lines changed over', async () => {
    await neverProven((lines, random) => {
      const [one, other] = [random % lines.length, Math.floor(random / 7) % lines.length];
      return lines.with(one, lines[other] ?? '').with(other, lines[one] ?? '');
    });
  });

  it('is not proven cut off anywhere, with the head or without', async () => {
    await neverProven((lines, random) => lines.slice(0, random % lines.length));
    await neverProven((lines, random) => [...lines.slice(0, 1 + (random % (lines.length - 1))), lines.at(-1) ?? '']);
  });

  it('is not proven with a row rewritten, also where all that follows was made to fit by whoever has not the key', async () => {
    await neverProven((lines, random, { log }) => {
      const rows = lines.slice(1, -1).map((line) => JSON.parse(line) as AuditRow);
      const at = random % rows.length;
      const changed = rows.map((row, index) => (index === at ? { ...row, resource: 'rewritten' } : row));
      const rewritten = random % 2 === 0 ? changed : rechained(changed);
      return [lines[0] ?? '', ...rewritten.map(canonicalRow), forgedHead(rewritten, log.key.verifier.name, lines.at(-1) ?? '', random)];
    });
  });

  it('is found even when whoever has the key signs it anew, as far as an earlier head reaches', async () => {
    await fc.assert(
      fc.asyncProperty(anyCase, fc.nat(), async ([before, after], random) => {
        const { log, keys, earlier } = await caseOf(before, after);
        const rows = await log.repository.read(null, 0, 1000);
        const at = random % before.length;
        const forged = makeLog(log.key);
        const rewritten = rows.map((row, index) => (index === at ? { ...row, requestId: 'another' } : row));
        for (const row of rechained(random % 2 === 0 ? rewritten : rows.toSpliced(at, 1))) await placed(forged, row);
        const verdict = verdictOf(await forged.exported(), keys, [earlier]);
        expect(verdict).toMatchObject({ state: 'altered' });
      }),
      { numRuns: 60 },
    );
  });

  it('is proven, though it is not the newest, when an older export with its own head is shown: that is told apart by its size alone', async () => {
    const { log, keys, earlier, exported } = await caseOf([{}, {}], [{}]);
    await log.add([{}, {}]);
    expect(verdictOf(exported, keys, [earlier])).toMatchObject({ state: 'proven', head: { size: 3 } });
    const newest = (await log.heads.current()).note;
    expect(verdictOf(exported, keys, [newest])).toMatchObject({ state: 'altered', findings: [expect.stringContaining('an older database')] });
  });

  it('is not proven with lines of another log among its own, nor as two logs joined', async () => {
    const other = await caseOf([{}, { tenant: null }], [{}, {}, {}]);
    const theirs = other.exported.slice(0, -1).split('\n');
    await neverProven((lines, random) => lines.with(random % lines.length, theirs[(random >> 3) % theirs.length] ?? ''));
    await neverProven((lines, random) => lines.toSpliced(random % (lines.length + 1), 0, theirs[(random >> 3) % theirs.length] ?? ''));
    await neverProven((lines, random) => [...lines.slice(0, random % (lines.length + 1)), ...theirs.slice((random >> 3) % theirs.length)]);
    await neverProven((lines, random) => [...theirs.slice(0, random % (theirs.length + 1)), ...lines.slice((random >> 3) % lines.length)]);
    expect(verdictOf(other.exported, given.keys, [given.earlier])).toMatchObject({ state: 'altered' });
    expect(verdictOf(given.exported, given.keys, [other.earlier])).toMatchObject({ state: 'unusable' });
  });

  it('is not proven with anything put before, behind or between its lines, however much', async () => {
    const some = ['', ' ', '\t', '\uFEFF', '\r', '\0', '{}', 'null', '"text"', '[', '[['.repeat(5_000), 'x'.repeat(200_000)];
    await neverProven((lines, random) => {
      const at = random % lines.length;
      const put = some[(random >> 4) % some.length] ?? '';
      const line = lines[at] ?? '';
      return random % 4 === 0 ? lines.toSpliced(at, 0, put) : lines.with(at, random % 2 === 0 ? `${put}${line}` : `${line}${put}`);
    });
    await neverProven((lines) => lines.map((line) => `${line}\r`));
    await neverProven((lines, random) => lines.with(random % lines.length, (lines[random % lines.length] ?? '').replace(',', ', ')));
    for (const before of ['\uFEFF', '\n', ' ']) expect(verdictOf(before + given.exported, given.keys, [given.earlier]).state).toBe('unusable');
    expect(verdictOf(given.exported.replaceAll('\n', '\r\n'), given.keys, [given.earlier])).toMatchObject({ state: 'unusable', reason: expect.stringContaining('carriage returns') });
    for (const behind of ['\n', ' ', 'x', '{"checkpoint":"x"}\n']) expect(verdictOf(given.exported + behind, given.keys, [given.earlier]).state).toBe('altered');
  });

  it('is not proven with signatures under its head that Keyhold does not write, whoever made them', async () => {
    const other = SigningKey.fromSeed('example.com/other', randomBytes(32));
    const lines = given.exported.slice(0, -1).split('\n');
    const { checkpoint } = JSON.parse(lines.at(-1) ?? '') as { checkpoint: string };
    const [text = '', signature = ''] = checkpoint.split('\n\n');
    for (const more of [signature, signNote(`${text}\n`, other).split('\n\n')[1] ?? '']) {
      const changed = [...lines.slice(0, -1), JSON.stringify({ checkpoint: checkpoint + more }), ''].join('\n');
      expect(verdictOf(changed, given.keys, [given.earlier])).toMatchObject({ state: 'altered' });
    }
  });

  it('is not proven with a time in it that is none, whoever signed it', async () => {
    const { log, keys, earlier } = await caseOf([{}], [{ time: 1e20 }]);
    expect(verdictOf(await log.exported(), keys, [earlier])).toMatchObject({ state: 'altered', findings: ['row 1 is not one as Keyhold writes them'] });
  });

  it('has a chain of each replica, too, which says where', async () => {
    const { log, keys, earlier, exported } = await caseOf([{}, {}, {}, {}, {}, {}], []);
    const lines = exported.split('\n');
    const verdict = verdictOf(lines.toSpliced(3, 1).join('\n'), keys, [earlier]);
    expect(verdict).toMatchObject({ state: 'altered', findings: expect.arrayContaining(['row 3 does not follow the row before it of its replica']) });
    expect((await log.heads.current()).size).toBe(6);
  });
});

describe('an exported log of a tenant (S30)', () => {
  it('is proven with the log\'s key or the tenant\'s name of it, and spoiled by every changed bit', { timeout: 240_000 }, async () => {
    const log = makeLog();
    await log.add([{ tenant: 'acme' }, { tenant: 'beta' }]);
    const earlier = (await log.heads.ofTenant('acme')).note;
    await log.add([{ tenant: 'acme' }, { tenant: null }]);
    const exported = await log.exported({ tenant: 'acme' });
    for (const key of [log.key.verifier, log.key.verifier.named('keyhold/test/tenants/acme')]) {
      expect(verdictOf(exported, [key], [earlier])).toMatchObject({ state: 'proven', head: { origin: 'keyhold/test/tenants/acme', size: 2 } });
    }
    const bytes = Buffer.from(exported);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect([bit, verdictOf(flipped, [log.key.verifier], [earlier]).state]).not.toEqual([bit, 'proven']);
    }
  });

  it('is told from another tenant\'s and from the whole log\'s', async () => {
    const log = makeLog();
    await log.add([{ tenant: 'acme' }, { tenant: 'beta' }]);
    const [acme, beta, whole] = [(await log.heads.ofTenant('acme')).note, (await log.heads.ofTenant('beta')).note, (await log.heads.current()).note];
    const exported = await log.exported({ tenant: 'acme' });
    const keys = [log.key.verifier];
    expect(verdictOf(exported, keys, [beta])).toMatchObject({ state: 'unusable' });
    expect(verdictOf(exported, keys, [whole])).toMatchObject({ state: 'unusable' });
    expect(verdictOf(exported, [log.key.verifier.named('keyhold/test/tenants/beta')], [acme])).toMatchObject({ state: 'unusable' });
    // The title is not what says whose it is.
    const disguised = exported.replace('"of":"tenant"', '"of":"log"');
    expect(verdictOf(disguised, keys, [acme]).state).not.toBe('proven');
    expect(verdictOf((await log.exported()).replace('"of":"log"', '"of":"tenant"'), keys, [whole]).state).not.toBe('proven');
  });

  it('fits into the whole log: a tenant\'s earlier head is verified with the log\'s export', async () => {
    const log = makeLog();
    await log.add([{ tenant: 'acme' }, { tenant: 'beta' }, { tenant: 'acme' }]);
    const tenant = (await log.heads.ofTenant('acme')).note;
    const earlier = (await log.heads.current()).note;
    await log.add([{ tenant: 'acme' }]);
    const keys = [log.key.verifier];
    const exported = await log.exported();
    expect(verdictOf(exported, keys, [earlier, tenant])).toMatchObject({ state: 'proven', earlier: [{ exported: true }, { exported: false, size: 2 }] });
    const other = makeLog(log.key);
    await other.add([{ tenant: 'acme', resource: 'another' }, { tenant: 'acme' }]);
    expect(verdictOf(exported, keys, [earlier, (await other.heads.ofTenant('acme')).note])).toMatchObject({ state: 'altered', findings: [expect.stringContaining('of tenant acme')] });
  });
});

describe('keys (S30)', () => {
  it('of the export count only as far as they follow from the one that was given', async () => {
    const [first, second, third, stranger] = Array.from({ length: 4 }, () => SigningKey.fromSeed('keyhold/test', randomBytes(32)));
    if (first === undefined || second === undefined || third === undefined || stranger === undefined) throw new Error('no keys');
    const log = makeLog(first);
    await log.add([{}]);
    const earlier = (await log.heads.current()).note;
    const change = (from: SigningKey, to: SigningKey) => ({ action: 'audit-key.rotate', tenant: null, note: signKeyChange(from, to) });
    const now = makeLog(third);
    for (const row of await log.repository.read(null, 0, 10)) await placed(now, row);
    await now.add([change(first, second), change(second, third)], 'r2');
    const exported = await now.exported();
    for (const key of [first, second, third]) expect(verdictOf(exported, [key.verifier], [earlier])).toMatchObject({ state: 'proven' });
    expect(verdictOf(exported, [stranger.verifier], [earlier])).toMatchObject({ state: 'unusable' });
    const lines = exported.split('\n');
    for (const at of [1, 2]) expect(verdictOf(lines.toSpliced(at, 1).join('\n'), [second.verifier], [earlier]).state).not.toBe('proven');
    // A stranger who signs a change to his own key, alone or with himself, is not followed.
    for (const note of [signKeyChange(first.verifier, stranger), signKeyChange(stranger, stranger), signKeyChange(stranger, second)]) {
      const forged = makeLog(stranger);
      for (const row of await log.repository.read(null, 0, 10)) await placed(forged, row);
      await forged.add([{ action: 'audit-key.rotate', tenant: null, note }], 'r2');
      const text = await forged.exported();
      expect(verdictOf(text, [first.verifier], [earlier]).state).not.toBe('proven');
      expect(verdictOf(text.replace('\n', `\n${JSON.stringify({ keyChange: note })}\n`), [first.verifier], [earlier]).state).not.toBe('proven');
    }
  });

  it('that were replaced sign nothing any more: whoever stole one gets no log believed by those who know the key after it', async () => {
    const [stolen, now, thief] = [0, 1, 2].map(() => SigningKey.fromSeed('keyhold/test', randomBytes(32))) as [SigningKey, SigningKey, SigningKey];
    const row = (from: SigningKey, to: SigningKey): Partial<AuditRow> => ({ action: 'audit-key.rotate', tenant: null, note: signKeyChange(from, to) });
    const log = makeLog(now);
    await log.add([{}, row(stolen, now), {}]);
    const earlier = (await log.heads.current()).note;
    const genuine = await log.exported();
    for (const key of [stolen, now]) expect(verdictOf(genuine, [key.verifier], [earlier])).toMatchObject({ state: 'proven' });
    // The thief makes the stolen key name him as its heir, a second one, or says that he had the log before it.
    for (const [forger, notes] of [[thief, [row(stolen, thief)]], [thief, [row(thief, stolen)]], [stolen, []], [stolen, [row(stolen, thief), row(thief, stolen)]]] as const) {
      const forged = makeLog(forger);
      for (const known of await log.repository.read(null, 0, 10)) await placed(forged, known);
      await forged.add([...notes, { resource: 'invented' }], 'r2');
      const exported = await forged.exported();
      expect(verdictOf(exported, [now.verifier], [earlier])).toMatchObject({ state: 'altered' });
      const lines = exported.split('\n');
      const changes = lines.filter((line) => line.startsWith('{"keyChange"'));
      const others = lines.filter((line) => !line.startsWith('{"keyChange"'));
      for (const order of [changes.toReversed(), changes.slice(1), changes.slice(0, 1), []]) {
        expect(verdictOf([others[0], ...order, ...others.slice(1)].join('\n'), [now.verifier], [earlier]).state).not.toBe('proven');
      }
    }
  });

  it('are told in their order in a tenant\'s export, too, each once', async () => {
    const [first, second, third] = [0, 1, 2].map(() => SigningKey.fromSeed('keyhold/test', randomBytes(32))) as [SigningKey, SigningKey, SigningKey];
    const log = makeLog(third);
    await log.add([{ tenant: 'acme' }, { tenant: null, note: signKeyChange(first, second), action: 'audit-key.rotate' }, { tenant: null, note: signKeyChange(second, third), action: 'audit-key.rotate' }]);
    const earlier = (await log.heads.ofTenant('acme')).note;
    const lines = (await log.exported({ tenant: 'acme' })).split('\n');
    for (const key of [first, third]) expect(verdictOf(lines.join('\n'), [key.verifier], [earlier])).toMatchObject({ state: 'proven' });
    const [one = '', two = ''] = lines.slice(1, 3);
    for (const changes of [[two, one], [one, one, two], [one, two, two], [one, two, one]]) {
      for (const key of [first, third]) expect(verdictOf([lines[0], ...changes, ...lines.slice(3)].join('\n'), [key.verifier], [earlier])).toMatchObject({ state: 'altered' });
    }
  });

  it('that do not fit, and checkpoints that do not, are unusable, not altered', async () => {
    const { exported, keys, earlier, log } = await caseOf([{}], []);
    const wrong = SigningKey.fromSeed('keyhold/test', randomBytes(32));
    expect(verdictOf(exported, [wrong.verifier], [earlier])).toMatchObject({ state: 'unusable' });
    expect(verdictOf(exported, keys, [signCheckpoint({ origin: 'keyhold/test', size: 1, root: log.tree.root() }, wrong)])).toMatchObject({ state: 'unusable' });
    expect(verdictOf(exported, keys, ['nonsense'])).toMatchObject({ state: 'unusable' });
    expect(verdictOf('', keys, [earlier])).toMatchObject({ state: 'unusable', reason: expect.stringContaining('empty') });
    expect(verdictOf('{"some":"json"}\n', keys, [earlier])).toMatchObject({ state: 'unusable' });
  });

  it('lead on to the new name when a restored log was accepted', async () => {
    const { log, keys, earlier } = await caseOf([{}, {}], [{}, {}]);
    const late = (await log.heads.current()).note;
    const next = SigningKey.fromSeed('keyhold/anew', randomBytes(32));
    const restored = makeLog(next);
    for (const row of await log.repository.read(null, 0, 3)) await placed(restored, row);
    await restored.add([{ action: 'audit-log.accept-restored', tenant: null, note: signKeyChange(log.key, next) }], 'r9');
    const exported = await restored.exported();
    expect(verdictOf(exported, keys, [earlier])).toMatchObject({ state: 'proven', begunAnew: true });
    expect(verdictOf(exported, keys, [late])).toMatchObject({ state: 'altered' });
  });
});

describe('checkpoints as people keep them', () => {
  it('are found in notes, answers of the API and lines of the log', async () => {
    const { earlier } = await caseOf([{}], []);
    expect(checkpointsIn(earlier)).toEqual([earlier]);
    expect(checkpointsIn(earlier.slice(0, -1))).toEqual([earlier]);
    expect(checkpointsIn(JSON.stringify({ size: 1, checkpoint: earlier }, null, 2))).toEqual([earlier]);
    expect(checkpointsIn(JSON.stringify({ checkpoint: earlier, witness: { checkpoint: 'another' } }))).toEqual([earlier, 'another']);
    expect(checkpointsIn(JSON.stringify({ checkpoint: earlier, witness: { checkpoint: null } }))).toEqual([earlier]);
    const line = JSON.stringify({ level: 'info', event: 'audit_checkpoint', checkpoint: earlier });
    expect(checkpointsIn(`{"event":"ready"}\n${line}\nnot json\n${line}\n`)).toEqual([earlier, earlier]);
    expect(checkpointsIn(`> keyhold start\n> exec node\n\n${line}\nNov 28 04:00:00 host keyhold[7]: ${line}\n2026-11-28T04:00:00.1Z stdout F ${line}\n`)).toEqual([earlier, earlier, earlier]);
    const second = earlier.replace('\n1\n', '\n2\n');
    expect(checkpointsIn(`${earlier}${second}`)).toEqual([earlier, second]);
    expect(checkpointsIn(`\n\n${earlier}\n\n${second}\n`)).toEqual([earlier, second]);
    expect(checkpointsIn(`\uFEFF${earlier.replaceAll('\n', '\r\n')}`)).toEqual([earlier]);
    expect(checkpointsIn(`\uFEFF${JSON.stringify({ checkpoint: earlier })}\r\n`)).toEqual([earlier]);
    expect(checkpointsIn('x\n\n'.repeat(100_000))).toEqual([]);
    expect(checkpointsIn('{}')).toEqual([]);
    expect(checkpointsIn(' \n')).toEqual([]);
  });
});

/** The rows with chains that fit them. */
function rechained(rows: readonly AuditRow[]): readonly AuditRow[] {
  const last = new Map<string, AuditRow>();
  return rows.map((row) => {
    const before = last.get(row.replica);
    const made = { ...row, counter: (before?.counter ?? 0) + 1, previous: before === undefined ? '0'.repeat(64) : rowHash(before) };
    last.set(row.replica, made);
    return made;
  });
}

/** A head that fits the rows, signed by somebody else, or the old signature under it. */
function forgedHead(rows: readonly AuditRow[], origin: string, old: string, random: number): string {
  const stranger = SigningKey.fromSeed(origin, randomBytes(32));
  const trees = new AuditTrees();
  for (const row of rows) trees.place(row);
  const note = signCheckpoint({ origin, size: rows.length, root: trees.log.root() }, stranger);
  const signature = (JSON.parse(old) as { checkpoint: string }).checkpoint.split('\n\n')[1] ?? '';
  return JSON.stringify({ checkpoint: random % 3 === 0 ? note : `${note.split('\n\n')[0]}\n\n${signature}` });
}

async function placed(log: TestLog, row: AuditRow): Promise<void> {
  await log.tree.catchUp();
  const prepared = await log.tree.prepare([row]);
  await log.repository.append(prepared.position, prepared.leaves);
  log.tree.placed(prepared);
}
