import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryHeads } from '../../../test/support/audit-custody.ts';
import { makeLog, type TestLog } from '../../../test/support/audit-logs.ts';
import { RecordingLog } from '../../../test/support/recording-log.ts';
import { startWitnessServer, type WitnessServer } from '../../../test/support/servers/witness-server.ts';
import { createHttpWitness } from '../../adapters/audit-witness/http-witness.ts';
import { openCheckpoint } from './notes/checkpoint.ts';
import { SigningKey } from './notes/signing-key.ts';
import { parseWitnessKey, type WitnessKey } from './notes/witness-key.ts';
import { WitnessedHeads } from './witnessed-heads.ts';

let server: WitnessServer;
let key: WitnessKey;
let log: TestLog;
let kept: MemoryHeads;
let told: RecordingLog;

beforeEach(async () => {
  server = await startWitnessServer();
  key = keyOf(server.key);
  log = makeLog();
  kept = new MemoryHeads();
  told = new RecordingLog();
});

afterEach(async () => server.close());

function keyOf(vkey: string): WitnessKey {
  const found = parseWitnessKey(vkey);
  if (found === undefined) throw new Error('no key');
  return found;
}

function open(of: TestLog = log, by: WitnessKey = key): Promise<WitnessedHeads> {
  return WitnessedHeads.open({ witness: createHttpWitness(server.url, { proxyFor: () => undefined }), key: by, proofs: of.proofs, kept, log: told });
}

/** Rows, and then the head over them, for the witness. */
async function offered(heads: WitnessedHeads, rows: number, of: TestLog = log): Promise<void> {
  if (rows > 0) await of.add(Array.from({ length: rows }, () => ({})));
  await heads.offer(await of.heads.current());
}

describe('heads before a witness (S30, C2SP tlog-witness)', () => {
  it('are signed by it from the first on, each with the proof that it goes on from the one before, and kept', async () => {
    server.learn(log.key.verifier);
    const heads = await open();
    expect([heads.last, heads.failure]).toEqual([undefined, null]);
    for (const rows of [3, 4, 0, 1, 60]) await offered(heads, rows);
    expect(server.requests.map((body) => body.split('\n', 1)[0])).toEqual(['old 0', 'old 3', 'old 7', 'old 7', 'old 8']);
    expect([heads.last?.size, server.seen('keyhold/test'), heads.failure]).toEqual([68, 68, null]);
    const note = kept.kept.at(-1) ?? '';
    expect(note).toBe(heads.last?.note);
    expect(openCheckpoint(note, [log.key.verifier])).toMatchObject({ size: 68 });
    expect(key.cosignatureIn(note)).toBeDefined();
    expect(note).not.toContain('stranger');
    expect(Math.abs(Date.now() - (heads.last?.at ?? 0))).toBeLessThan(600_000);
    expect(told.of('audit_checkpoint_witnessed').map(({ fields }) => [fields.count, fields.checkpoint === note])).toEqual([[3, false], [7, false], [7, false], [8, false], [68, true]]);
  });

  it('of a replica that was slower than another are no older log: the newest head is offered then', async () => {
    server.learn(log.key.verifier);
    const [slow, quick] = [await open(), await open()];
    await log.add([{}, {}]);
    const early = await log.heads.current();
    await offered(quick, 3);
    await slow.offer(early);
    expect([slow.failure, slow.last?.size, server.seen('keyhold/test')]).toEqual([null, 5, 5]);
    expect(told.of('audit_witness_disagrees')).toEqual([]);
  });

  it('go on after a restart, and where nothing or something else was kept', async () => {
    server.learn(log.key.verifier);
    await offered(await open(), 5);
    const again = await open();
    expect(again.last?.size).toBe(5);
    await offered(again, 2);
    expect(server.requests).toHaveLength(2);
    kept.kept.length = 0;
    const forgetful = await open();
    await offered(forgetful, 3);
    expect(server.requests.slice(2).map((body) => body.split('\n', 1)[0])).toEqual(['old 0', 'old 7']);
    expect(forgetful.last?.size).toBe(10);
    const other = await startWitnessServer(randomBytes(32));
    try {
      expect((await open(log, keyOf(other.key))).last).toBeUndefined();
    } finally {
      await other.close();
    }
  });

  it('are told when the witness does not know the log, or another key of it, with the key to give to it', async () => {
    const heads = await open();
    await offered(heads, 2);
    expect(heads.failure).toContain('Give its operator the log\'s public key, which `keyhold audit key` prints');
    server.learn(SigningKey.fromSeed('keyhold/test', randomBytes(32)).verifier);
    await offered(heads, 1);
    expect(heads.failure).toContain('not by this key (403)');
    await offered(heads, 1);
    expect(told.of('audit_witness_failed').map(({ level }) => level)).toEqual(['warn', 'warn']);
    server.learn(log.key.verifier);
    await offered(heads, 0);
    expect([heads.failure, heads.last?.size]).toEqual([null, 4]);
  });

  it('are told as grave when the witness has seen more, or another log', async () => {
    server.learn(log.key.verifier);
    const heads = await open();
    await offered(heads, 6);
    const older = makeLog(log.key);
    await offered(await open(older), 4, older);
    expect(told.of('audit_witness_disagrees').at(-1)).toMatchObject({ level: 'error', msg: expect.stringContaining('has seen 6 rows of this audit log, and there are 4') });
    const forked = makeLog(log.key);
    const forkedHeads = await open(forked);
    await offered(forkedHeads, 9, forked);
    expect(forkedHeads.failure).toContain('not the beginning of this one');
    expect(told.of('audit_witness_disagrees')).toHaveLength(2);
    expect(server.seen('keyhold/test')).toBe(6);
    await offered(heads, 1);
    expect(heads.failure).toBeNull();
  });

  it('are not taken for signed when another key signed, or nobody; and an outage is told once', async () => {
    server.learn(log.key.verifier);
    const heads = await open(log, keyOf('remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2'));
    await offered(heads, 2);
    expect(heads.failure).toContain('KEYHOLD_AUDIT_WITNESS_KEY');
    expect(kept.kept).toEqual([]);
    const troubled = await open();
    server.trouble = (response) => void response.writeHead(200).end('');
    await offered(troubled, 1);
    expect(troubled.failure).toContain('KEYHOLD_AUDIT_WITNESS_KEY');
    server.trouble = (response) => void response.writeHead(503).end('later');
    for (let round = 0; round < 3; round += 1) await offered(troubled, 1);
    expect(told.of('audit_witness_failed').filter(({ msg }) => msg.includes('answered 503'))).toHaveLength(1);
    server.trouble = (response) => void response.writeHead(409).end('1\n');
    await offered(troubled, 5);
    expect(troubled.failure).toContain('each time that it has seen another size');
    server.trouble = undefined;
    await offered(troubled, 0);
    expect([troubled.failure, troubled.last?.size]).toEqual([null, 11]);
  });
});
