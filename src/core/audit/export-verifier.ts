import { CHECKPOINT_BEGIN, exportTitle, KEY_CHANGE_BEGIN } from './export-lines.ts';
import { canonicalRow, noPreviousRow, rowHash, tenantRow } from './canonical-row.ts';
import { openCheckpoint, parseCheckpoint, tenantOf, type TreeHead } from './notes/checkpoint.ts';
import { openKeyChange } from './notes/key-change.ts';
import { parseNote } from './notes/signed-note.ts';
import type { VerifierKey } from './notes/verifier-key.ts';
import { isAuditRow, isTenantRow } from './row-shape.ts';
import { CompactRange } from './tree/compact-range.ts';
import { leafHash } from './tree/hashing.ts';
import { type TrustedKeys, trustedKeys } from './trusted-keys.ts';

/** What came of verifying an export. */
export type Verdict =
  | {
      readonly state: 'proven';
      readonly head: TreeHead;
      /** `exported`: of the tree that is exported, not of a tenant's in it. */
      readonly earlier: readonly (TreeHead & { readonly exported: boolean })[];
      /** The latest time that a row says; null without rows. */
      readonly newestRow: number | null;
      /** The log was begun under another name since an earlier head, because an older database was put in its place on purpose. */
      readonly begunAnew: boolean;
    }
  /** It is not what it was when one of the heads was signed: what is wrong, in words. */
  | { readonly state: 'altered'; readonly findings: readonly string[] }
  /** Nothing can be said of it: what was given does not belong together, or is not what it should be. */
  | { readonly state: 'unusable'; readonly reason: string };

interface Tree {
  readonly range: CompactRange;
  /** Roots at the sizes that heads ask for. */
  readonly roots: Map<number, Buffer>;
}

const MOST_FINDINGS = 10;

/**
 * Verifies an export line by line, with nothing but public keys and earlier heads that the verifier got another way (S30). The export's own key and
 * its own head count only as far as those lead to them.
 */
export class ExportVerifier {
  readonly #given: readonly VerifierKey[];
  readonly #notes: readonly string[];
  readonly #findings: string[] = [];
  readonly #changes: string[] = [];
  readonly #changesInRows: string[] = [];
  readonly #chains = new Map<string, { counter: number; hash: string }>();
  readonly #trees = new Map<string | null, Tree>();
  #of: 'log' | 'tenant' | undefined;
  #keys: TrustedKeys | undefined;
  #earlier: readonly TreeHead[] = [];
  #unusable: string | undefined;
  #checkpoint: string | undefined;
  #newestRow: number | null = null;
  #ended = false;

  /** `earlier`: signed notes of the tree, or, for a whole log, of tenants' trees in it. */
  constructor(keys: readonly VerifierKey[], earlier: readonly string[]) {
    this.#given = keys;
    this.#notes = earlier;
  }

  /** The next line, without its newline. */
  line(bytes: Buffer): void {
    if (this.#unusable !== undefined) return;
    if (this.#of === undefined) {
      this.#title(bytes.toString());
    } else if (this.#ended) {
      this.#found('there is something after the head, which ends an export');
    } else if (this.#keys === undefined && startsWith(bytes, KEY_CHANGE_BEGIN)) {
      this.#keyChange(bytes);
    } else {
      this.#takeKeys();
      if (startsWith(bytes, CHECKPOINT_BEGIN)) this.#head(bytes);
      else this.#row(bytes);
    }
  }

  /** `whole`: the last line ended with a newline, as every line of an export does. */
  end(whole: boolean): Verdict {
    if (this.#of !== undefined && this.#unusable === undefined) this.#takeKeys();
    if (this.#unusable !== undefined) return { state: 'unusable', reason: this.#unusable };
    if (this.#of === undefined) return { state: 'unusable', reason: 'The file is empty.' };
    if (!whole) this.#found('the last line is cut off');
    if (this.#of === 'log' && this.#changes.join() !== this.#changesInRows.join()) this.#found('the changes of the key at the beginning are not those that the rows tell of');
    const head = this.#provenHead();
    const other = head === undefined ? undefined : this.#earlier.find(({ origin }) => this.#of === 'tenant' && afterLog(origin) !== afterLog(head.origin));
    if (other !== undefined) return { state: 'unusable', reason: `The earlier checkpoint is of another tree: ${other.origin}.` };
    for (const earlier of this.#earlier) this.#compare(earlier);
    if (head === undefined || this.#findings.length > 0) return { state: 'altered', findings: this.#findings };
    const begunAnew = this.#earlier.some(({ origin }) => beforeTenant(origin) !== beforeTenant(head.origin));
    const earlier = this.#earlier.map((one) => ({ ...one, exported: this.#tenantIn(one.origin) === null }));
    return { state: 'proven', head, earlier, newestRow: this.#newestRow, begunAnew };
  }

  #title(text: string): void {
    this.#of = (['log', 'tenant'] as const).find((of) => text === exportTitle(of));
    if (this.#of === undefined) this.#unusable = notAnExport(text);
    else this.#treeOf(null);
  }

  #keyChange(bytes: Buffer): void {
    const note = fieldOf(bytes, 'keyChange');
    if (note === undefined) this.#found('a change of the key cannot be read');
    else this.#changes.push(note);
  }

  /** Everything before the rows is there: what may be believed is known, and the earlier heads can be read. */
  #takeKeys(): void {
    if (this.#keys !== undefined) return;
    const trusted = trustedKeys(this.#given, this.#changes);
    if (trusted === undefined) this.#found('the changes of the key are not one chain in its order, each signed by the keys before and after it');
    const keys = trusted ?? { all: this.#given, following: this.#given };
    this.#keys = keys;
    const opened = this.#notes.map((note) => openCheckpoint(note, keys.all));
    const heads = opened.filter((head) => head !== undefined);
    if (heads.length < opened.length) {
      // A forged change may be what keeps a head from being known.
      if (trusted !== undefined) this.#unusable = 'An earlier checkpoint is not signed by the key that was given, nor by one that follows it. Give the right key, or the right checkpoint.';
      return;
    }
    const other = heads.find((head) => this.#keyOf(head) === undefined);
    if (other !== undefined) this.#unusable = `The earlier checkpoint is of another tree: ${other.origin}.`;
    this.#earlier = heads;
    for (const { origin, size } of heads) this.#treeOf(this.#tenantIn(origin)).roots.set(size, Buffer.alloc(0));
    for (const [, tree] of this.#trees) this.#noteRoot(tree);
  }

  #row(bytes: Buffer): void {
    const at = this.#treeOf(null).range.size;
    const row = parsed(bytes);
    if (this.#of === 'tenant') {
      if (!isTenantRow(row) || tenantRow(row) !== bytes.toString()) this.#found(`row ${at} is not one as Keyhold writes them`);
    } else if (!isAuditRow(row) || canonicalRow(row) !== bytes.toString()) {
      this.#found(`row ${at} is not one as Keyhold writes them`);
    } else {
      this.#chain(row, at);
      if (row.note !== undefined && openKeyChange(row.note) !== undefined) this.#changesInRows.push(row.note);
      if (row.tenant !== null && this.#trees.has(row.tenant)) this.#push(row.tenant, Buffer.from(tenantRow(row)));
    }
    if (isTenantRow(row)) this.#newestRow = Math.max(this.#newestRow ?? 0, row.time);
    this.#push(null, bytes);
  }

  /** Each row names the one before of its replica. */
  #chain(row: Parameters<typeof rowHash>[0], at: number): void {
    const before = this.#chains.get(row.replica) ?? { counter: 0, hash: noPreviousRow };
    if (row.counter !== before.counter + 1 || row.previous !== before.hash) this.#found(`row ${at} does not follow the row before it of its replica`);
    this.#chains.set(row.replica, { counter: row.counter, hash: rowHash(row) });
  }

  #head(bytes: Buffer): void {
    this.#ended = true;
    this.#checkpoint = fieldOf(bytes, 'checkpoint');
  }

  /** The export's own head, when a key that is believed has signed it and the rows are what it says. */
  #provenHead(): TreeHead | undefined {
    if (!this.#ended) this.#found('the head, which ends an export, is missing: rows were cut off at its end');
    if (this.#checkpoint === undefined) return undefined;
    const head = openCheckpoint(this.#checkpoint, this.#keys?.following ?? []);
    if (head !== undefined && parseNote(this.#checkpoint)?.signatures.length !== 1) this.#found('there are signatures under the head that Keyhold does not write');
    if (head === undefined || this.#keyOf(head) === undefined || this.#tenantIn(head.origin) !== null) {
      this.#found(parseCheckpoint(this.#checkpoint) === undefined ? 'the head cannot be read' : 'the head is not signed by the key that was given, nor by one that follows it');
      return undefined;
    }
    const { range } = this.#treeOf(null);
    if (range.size !== head.size) this.#found(`there are ${range.size} rows, and the head says ${head.size}`);
    else if (!range.root().equals(head.root)) this.#found('the rows are not those that the head was signed for');
    return head;
  }

  #compare(earlier: TreeHead): void {
    const tenant = this.#tenantIn(earlier.origin);
    const tree = this.#treeOf(tenant);
    const whose = tenant === null ? '' : ` of tenant ${tenant}`;
    if (earlier.size > tree.range.size) this.#found(`there are ${tree.range.size} rows${whose}, and an earlier head says ${earlier.size}: rows were removed, or an older database was put in its place`);
    else if (!earlier.root.equals(tree.roots.get(earlier.size) ?? Buffer.alloc(0))) this.#found(`the first ${earlier.size} rows${whose} are not those of an earlier head: some were changed, removed, added or moved`);
  }

  /** The key whose name allows for this head in this export; undefined for a head of a tree that is not in it. */
  #keyOf({ origin }: TreeHead): VerifierKey | undefined {
    return (this.#keys?.all ?? []).find(({ name }) => {
      if (this.#of === 'log') return name === origin || tenantOf(name, origin) !== undefined;
      return afterLog(origin) !== '' && (name === origin || tenantOf(name, origin) !== undefined);
    });
  }

  /** Which of the export's trees has this name: null for the one that is exported. */
  #tenantIn(origin: string): string | null {
    if (this.#of === 'tenant') return null;
    for (const { name } of this.#keys?.all ?? []) {
      const tenant = tenantOf(name, origin);
      if (tenant !== undefined) return tenant;
    }
    return null;
  }

  #treeOf(name: string | null): Tree {
    const known = this.#trees.get(name);
    if (known !== undefined) return known;
    const made: Tree = { range: new CompactRange(), roots: new Map() };
    this.#trees.set(name, made);
    return made;
  }

  #push(name: string | null, entry: Buffer): void {
    const tree = this.#treeOf(name);
    tree.range.push(leafHash(entry));
    this.#noteRoot(tree);
  }

  #noteRoot({ range, roots }: Tree): void {
    if (roots.has(range.size)) roots.set(range.size, range.root());
  }

  #found(what: string): void {
    if (this.#findings.length < MOST_FINDINGS && !this.#findings.includes(what)) this.#findings.push(what);
  }
}

/** An honest file that something took for text would be reported as altered, row by row. */
function notAnExport(title: string): string {
  const asText = title.replace(/^\uFEFF/, '').replace(/\r$/, '');
  if (asText !== title && (asText === exportTitle('log') || asText === exportTitle('tenant'))) {
    return 'The file was an export of an audit log before something took it for text: it begins with a byte order mark, or its lines end with carriage returns. Copy the file as it is, byte by byte, or export the log again.';
  }
  return 'The file is not an export of an audit log: it does not begin as `keyhold audit export` begins one.';
}

/** A tenant tree's name apart: the log's part, and the tenant's, empty for the log itself. */
function beforeTenant(origin: string): string {
  return origin.split('/tenants/', 1)[0] ?? origin;
}

function afterLog(origin: string): string {
  return origin.slice(beforeTenant(origin).length);
}

function startsWith(bytes: Buffer, text: string): boolean {
  return bytes.subarray(0, text.length).toString() === text;
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

/** The one field of a line that is exactly as it is written; so no byte of it can be another. */
function fieldOf(bytes: Buffer, name: string): string | undefined {
  const value = parsed(bytes);
  if (typeof value !== 'object' || value === null || !(name in value)) return undefined;
  const text: unknown = Object.entries(value).find(([key]) => key === name)?.[1];
  return typeof text === 'string' && JSON.stringify({ [name]: text }) === bytes.toString() ? text : undefined;
}
