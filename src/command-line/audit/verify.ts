import { createReadStream, readFileSync } from 'node:fs';
import { visibleText } from '../../adapters/log/visible-text.ts';
import { checkpointsIn } from '../../core/audit/checkpoint-texts.ts';
import { ExportVerifier, type Verdict } from '../../core/audit/export-verifier.ts';
import { parseCheckpoint, type TreeHead } from '../../core/audit/notes/checkpoint.ts';
import { parseVerifierKey } from '../../core/audit/notes/verifier-key.ts';
import { parseWitnessKey, type WitnessKey } from '../../core/audit/notes/witness-key.ts';
import type { Terminal } from '../terminal.ts';

export interface VerifyOptions {
  /** Verifier keys, or files that hold some. */
  readonly key: readonly string[];
  /** Files with signed notes. */
  readonly checkpoint: readonly string[];
  /** Witnesses' keys, or files that hold some. */
  readonly witness: readonly string[];
}

/** What was given cannot be used. */
class Unusable extends Error {}

/** Verifies an exported log without any running Keyhold. Gives the exit status: 0 proven, 1 altered, 2 unusable. Never throws. */
export async function verifyAudit(file: string | undefined, options: VerifyOptions, terminal: Terminal): Promise<0 | 1 | 2> {
  try {
    if (file === undefined) throw new Unusable('Name the file that `keyhold audit export` wrote.');
    const keys = options.key.flatMap((given) => keysIn(given, parseVerifierKey, '`keyhold audit key` prints it'));
    const witnesses = options.witness.flatMap((given) => keysIn(given, parseWitnessKey, 'a witness publishes it'));
    if (keys.length === 0) throw new Unusable('Give the log\'s public key with --key: the line that `keyhold audit key` printed when the log was new, kept where nobody of its machine can change it. The export\'s own word for it would prove nothing.');
    const notes = options.checkpoint.flatMap((name) => notesIn(name));
    if (notes.length === 0) throw new Unusable('Give an earlier checkpoint with --checkpoint: a head that left the machine before, from its log (event audit_checkpoint) or from GET /api/v1/audit/checkpoint. Without one, whoever holds the machine could have written the whole log anew.');
    const sightings = witnesses.map((witness) => sightingOf(witness, notes));
    return tell(await read(file, new ExportVerifier(keys, notes)), sightings, terminal);
  } catch (error) {
    terminal.error(`keyhold: ${visibleText(error instanceof Unusable ? error.message : `${file ?? 'The file'} cannot be read (${error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason'}).`)}\n`);
    return 2;
  }
}

async function read(file: string, verifier: ExportVerifier): Promise<Verdict> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(file)) {
    const bytes = Buffer.concat([rest, Buffer.from(chunk)]);
    let start = 0;
    for (let newline = bytes.indexOf('\n'); newline >= 0; newline = bytes.indexOf('\n', start)) {
      verifier.line(bytes.subarray(start, newline));
      start = newline + 1;
    }
    rest = bytes.subarray(start);
    // No row is that long. Without a title before it this is no export, else a changed one; what follows would say nothing more.
    if (rest.length > LONGEST_LINE) break;
  }
  if (rest.length > 0) verifier.line(rest);
  return verifier.end(rest.length === 0);
}

const LONGEST_LINE = 1_000_000;

function keysIn<T>(given: string, parse: (line: string) => T | undefined, as: string): readonly T[] {
  const key = parse(given);
  if (key !== undefined) return [key];
  const lines = textOf(given, 'The key').split('\n').map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const found = parse(line);
    if (found === undefined) throw new Unusable(`${given} holds no public key as ${as} (<name>+<id>+<base64>).`);
    return found;
  });
}

function notesIn(file: string): readonly string[] {
  const notes = checkpointsIn(textOf(file, 'The checkpoint'));
  if (notes.length === 0) throw new Unusable(`${file} holds no checkpoint.`);
  return notes;
}

/** The largest of the checkpoints that the witness has signed, in words. Whether it is one of this log, the verdict says. */
function sightingOf(witness: WitnessKey, notes: readonly string[]): string {
  const seen = notes.flatMap((note) => {
    const [head, cosignature] = [parseCheckpoint(note), witness.cosignatureIn(note)];
    return head === undefined || cosignature === undefined ? [] : [{ ...head, at: cosignature.at }];
  });
  const [largest] = seen.toSorted((one, other) => other.size - one.size);
  if (largest === undefined) throw new Unusable(`None of the checkpoints is signed by the witness ${witness.name}. Give one that is (log event audit_checkpoint_witnessed, or witness.checkpoint of GET /api/v1/audit/checkpoint), or the right key.`);
  const when = new Date(Math.min(largest.at * 1000, LATEST)).toISOString();
  return `- ${witness.name} has signed a checkpoint of ${largest.size} rows of ${largest.origin}, at ${when}: to it, nobody can show another past.`;
}

/** The last moment that a date can be made of (ECMA-262, 21.4.1.1). */
const LATEST = 8.64e15;

function textOf(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Unusable(`${what} ${file} cannot be read (${error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason'}).`);
  }
}

function tell(verdict: Verdict, sightings: readonly string[], terminal: Terminal): 0 | 1 | 2 {
  if (verdict.state === 'unusable') {
    terminal.error(`keyhold: ${visibleText(verdict.reason)}\n`);
    return 2;
  }
  if (verdict.state === 'altered') {
    terminal.out(['ALTERED: this is not what the audit log was when its heads were signed.', ...verdict.findings.map((finding) => `- ${visibleText(finding)}`), ''].join('\n'));
    return 1;
  }
  const { head, earlier, newestRow, begunAnew } = verdict;
  terminal.out([
    `PROVEN: ${head.origin}, ${head.size} rows${newestRow === null ? '' : `, the latest of ${new Date(newestRow).toISOString()}`}.`,
    `- The rows are exactly those that the key has signed (root ${head.root.toString('base64')}).`,
    ...comparisons(earlier),
    ...sightings,
    ...(begunAnew ? ['- The log was begun under a new name since an earlier checkpoint, because an older database was put in its place; a row says when. Rows of in between may be missing.'] : []),
    ...limits(head, Math.max(0, ...earlier.map(({ size, exported }) => (exported ? size : 0)))),
    '',
  ].join('\n'));
  return 0;
}

/** One line for each tree: whoever keeps the whole log of the program gives hundreds of heads. */
function comparisons(earlier: Extract<Verdict, { readonly state: 'proven' }>['earlier']): readonly string[] {
  return [...Map.groupBy(earlier, ({ origin }) => origin)].map(([origin, heads]) => {
    const sizes = [...new Set(heads.map(({ size }) => size))].toSorted((one, other) => other - one);
    const [largest = 0, ...smaller] = sizes;
    const more = smaller.length === 0 ? '' : ` The same holds for ${smaller.length} smaller ${smaller.length === 1 ? 'one' : 'ones'}.`;
    return `- ${heads.some(({ exported }) => exported) ? 'Its' : `${origin}: the`} first ${largest} rows are exactly those of the earlier checkpoint.${more}`;
  });
}

/** What a proof does not say (S31). */
function limits({ origin, size }: TreeHead, known: number): readonly string[] {
  // What follows a tenant's head is checked against the log's own tree by whoever verifies the whole log, and by nothing before that.
  const who = origin.includes('/tenants/') ? 'who holds the machine, or writes into its database,' : 'who holds the machine and its key';
  return [
    'What this cannot show:',
    ...(size > known ? [`- Rows after the first ${known} are newer than every earlier checkpoint given: ${who} could have written them otherwise. A later checkpoint covers them.`] : []),
    '- Who wrote a row: whoever can write into the database can put rows at the end of the log that tell of things that never were; they are signed like all others.',
    '- Whether this is the newest log: an older export of the same log is proven, too. Compare the number of rows with your newest checkpoint.',
    '- What was never written: a changed program, or whoever reads the machine\'s memory or database directly, leaves no row.',
    '- Old records put back elsewhere in the database, which only a comparison of versions with these rows shows; and usage, which is not part of this log.',
  ];
}
