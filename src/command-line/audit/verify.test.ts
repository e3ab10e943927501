import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeLog, type TestLog } from '../../../test/support/audit-logs.ts';
import { startWitnessServer } from '../../../test/support/servers/witness-server.ts';
import { verifyAudit } from './verify.ts';

let folder: string;
let log: TestLog;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyhold-verify-'));
  log = makeLog();
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function kept(name: string, text: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, text);
  return file;
}

async function verified(exported: string, checkpoints: readonly string[], witness: readonly string[] = []) {
  let [out, error] = ['', ''];
  const terminal = { isTerminal: false, out: (text: string) => void (out += text), error: (text: string) => void (error += text) };
  const files = await Promise.all(checkpoints.map((text, index) => kept(`head-${index}`, text)));
  const code = await verifyAudit(await kept('log.jsonl', exported), { key: [String(log.key.verifier)], checkpoint: files, witness }, terminal);
  return { code, out, error };
}

describe('keyhold audit verify (S30, S31)', () => {
  it('says in one line what a whole log file of heads shows, and what no proof shows', async () => {
    const lines: string[] = ['', '> keyhold@1.0.0 start', '> exec node', ''];
    for (let size = 1; size <= 30; size += 1) {
      await log.add([{ tenant: 'acme' }]);
      const line = JSON.stringify({ event: 'audit_checkpoint', checkpoint: (await log.heads.current()).note });
      lines.push(line, line);
    }
    const tenant = (await log.heads.ofTenant('acme')).note;
    await log.add([{}]);
    const { code, out, error } = await verified(await log.exported(), [lines.join('\n'), tenant]);
    expect({ code, error }).toEqual({ code: 0, error: '' });
    expect(out.split('\n').filter((line) => line.includes('of the earlier checkpoint'))).toEqual([
      '- Its first 30 rows are exactly those of the earlier checkpoint. The same holds for 29 smaller ones.',
      '- keyhold/test/tenants/acme: the first 30 rows are exactly those of the earlier checkpoint.',
    ]);
    for (const limit of ['Rows after the first 30', 'Who wrote a row', 'Whether this is the newest log', 'What was never written', 'Old records put back']) expect(out).toContain(limit);
  });

  it('asks for the signature of a witness where its key is given', async () => {
    await log.add([{}, {}]);
    const head = (await log.heads.current()).note;
    const server = await startWitnessServer();
    try {
      server.learn(log.key.verifier);
      const lines = await (await fetch(`${server.url}/add-checkpoint`, { method: 'POST', body: `old 0\n\n${head}` })).text();
      const exported = await log.exported();
      const seen = await verified(exported, [head, head + lines], [server.key]);
      expect(seen).toMatchObject({ code: 0, out: expect.stringMatching(/witness\.test\/w1 has signed a checkpoint of 2 rows of keyhold\/test, at 20/) });
      expect(await verified(exported, [JSON.stringify({ checkpoint: head, witness: { checkpoint: head + lines } })], [server.key])).toMatchObject({ code: 0 });
      expect(await verified(exported, [head], [server.key])).toMatchObject({ code: 2, error: expect.stringContaining('None of the checkpoints is signed by the witness') });
      expect(await verified(exported, [head + lines], ['nonsense'])).toMatchObject({ code: 2 });
      expect(await verified(exported, [head + lines.replace('AAAA', 'AAAB')])).toMatchObject({ code: 0 });
    } finally {
      await server.close();
    }
  });

  it('takes an export with a line that is too long for altered, and a file of one such line for none', async () => {
    await log.add([{}, {}]);
    const head = (await log.heads.current()).note;
    const lines = (await log.exported()).split('\n');
    const long = 'x'.repeat(1_200_000);
    expect(await verified(lines.toSpliced(2, 0, long).join('\n'), [head])).toMatchObject({ code: 1 });
    expect(await verified(lines.with(1, `${lines[1] ?? ''}${long}`).join('\n'), [head])).toMatchObject({ code: 1 });
    expect(await verified(long, [head])).toMatchObject({ code: 2 });
  });

  it('says what is wrong with a log that was taken for text', async () => {
    await log.add([{}]);
    const { code, error } = await verified((await log.exported()).replaceAll('\n', '\r\n'), [(await log.heads.current()).note]);
    expect({ code, error }).toEqual({ code: 2, error: expect.stringContaining('byte by byte') });
  });
});
