import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { makeLog } from '../../../test/support/audit-logs.ts';
import type { AuditRow } from '../../ports/metadata/audit.ts';
import { ExportVerifier } from './export-verifier.ts';
import { openCheckpoint } from './notes/checkpoint.ts';
import { SigningKey } from './notes/signing-key.ts';
import { parseVerifierKey } from './notes/verifier-key.ts';
import { leafHash } from './tree/hashing.ts';
import { provesConsistency, provesInclusion } from './tree/verify-proof.ts';

interface Vectors {
  readonly key: string;
  readonly earlier: string;
  readonly export: readonly string[];
  readonly tenantExport: readonly string[];
  readonly inclusion: { readonly index: number; readonly hashes: readonly string[] };
  readonly consistency: { readonly from: number; readonly to: number; readonly hashes: readonly string[] };
}

async function page(): Promise<string> {
  return readFile(new URL('../../../docs/audit-log.md', import.meta.url), 'utf8');
}

async function published(): Promise<Vectors> {
  return JSON.parse(/```json\n([^`]*)```/.exec(await page())?.[1] ?? '') as Vectors;
}

function bytes(hashes: readonly string[]): readonly Buffer[] {
  return hashes.map((hash) => Buffer.from(hash, 'base64'));
}

describe('docs/audit-log.md (S30)', () => {
  it('has the vectors that this program makes: rows, trees, heads, exports', async () => {
    const vectors = await published();
    const key = SigningKey.fromSeed('keyhold/0011223344556677', Buffer.from(Array.from({ length: 32 }, (_, index) => index)));
    expect(vectors.key).toBe(String(key.verifier));
    const log = makeLog(key);
    const rows = vectors.export.slice(1, -1).map((line) => {
      const { v: _v, ...row } = JSON.parse(line) as AuditRow & { v: number };
      return row;
    });
    const place = async (some: readonly AuditRow[]): Promise<void> => {
      const prepared = await log.tree.prepare(some);
      await log.repository.append(prepared.position, prepared.leaves);
      log.tree.placed(prepared);
    };
    await place(rows.slice(0, 2));
    expect((await log.heads.current()).note).toBe(vectors.earlier);
    await place(rows.slice(2));
    expect((await log.exported()).trimEnd().split('\n')).toEqual(vectors.export);
    expect((await log.exported({ tenant: 'acme' })).trimEnd().split('\n')).toEqual(vectors.tenantExport);
  });

  it('has proofs that verify, and an export that is proven', async () => {
    const vectors = await published();
    const key = parseVerifierKey(vectors.key);
    const { checkpoint } = JSON.parse(vectors.export.at(-1) ?? '') as { checkpoint: string };
    const [head, before] = key === undefined ? [] : [openCheckpoint(checkpoint, [key]), openCheckpoint(vectors.earlier, [key])];
    if (key === undefined || head === undefined || before === undefined) throw new Error('the vectors cannot be read');
    const { index, hashes } = vectors.inclusion;
    expect(provesInclusion({ leaf: leafHash(vectors.export[index + 1] ?? ''), index, size: head.size, root: head.root, proof: bytes(hashes) })).toBe(true);
    const { from, to } = vectors.consistency;
    expect([from, to]).toEqual([before.size, head.size]);
    expect(provesConsistency({ first: from, firstRoot: before.root, second: to, secondRoot: head.root, proof: bytes(vectors.consistency.hashes) })).toBe(true);
    const verifier = new ExportVerifier([key], [vectors.earlier]);
    for (const line of vectors.export) verifier.line(Buffer.from(line));
    expect(verifier.end(true)).toMatchObject({ state: 'proven', head: { size: 3 } });
  });
});
