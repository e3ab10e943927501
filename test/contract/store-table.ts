import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const POSSIBLE = 'yes';

/** A table in a guide of what a contract's suite has shown, with a column for each adapter. */
interface ContractTable {
  /** Below docs/. */
  readonly file: string;
  readonly rule: string;
  /** In their order. */
  readonly columns: readonly string[];
  /** Which tests write it. */
  readonly tests: string;
}

export const secretStoreTable = {
  file: 'stores.md',
  rule: 'A rule of every store',
  columns: ['encrypted database', 'HashiCorp Vault', 'Azure Key Vault', 'the fake for unit tests'],
  tests: 'test/contract/secret-store',
} as const satisfies ContractTable;

export const databaseTable = {
  file: 'databases.md',
  rule: 'A rule of every database',
  columns: ['SQLite', 'PostgreSQL', 'Cosmos DB'],
  tests: 'test/contract/metadata-store',
} as const satisfies ContractTable;

/**
 * One adapter's column of such a table: every rule of the suite, and why it is not possible there where it is not. The last test of the suite
 * fails when the committed table says anything else than this run. `KEYHOLD_TEST_WRITE_TABLE=true` writes it instead.
 */
export class StoreTable<T extends ContractTable> {
  readonly #table: T;
  readonly #file: URL;
  readonly #column: T['columns'][number];
  readonly #outcomes = new Map<string, string>();
  readonly #rules: string[] = [];

  constructor(table: T, column: T['columns'][number]) {
    this.#table = table;
    this.#file = new URL(`../../docs/${table.file}`, import.meta.url);
    this.#column = column;
  }

  rule(title: string): void {
    this.#rules.push(title);
  }

  possible(title: string): void {
    this.#outcomes.set(title, POSSIBLE);
  }

  notPossible(title: string, reason: string): void {
    this.#outcomes.set(title, `not possible here: ${reason}`);
  }

  /** Declares that test. It says nothing when only some of the suite's tests were run. */
  check(): void {
    const { file, columns, tests } = this.#table;
    it(`the table in docs/${file} says what this run has shown`, ({ skip }) => {
      if (this.#outcomes.size < this.#rules.length) skip('only a part of the suite was run');
      if (process.env['KEYHOLD_TEST_WRITE_TABLE'] === 'true') this.#write();
      const written = rowsIn(readFileSync(this.#file, 'utf8'));
      const at = columns.indexOf(this.#column);
      expect(written.map(({ rule, cells }) => [rule, cells[at]]), `KEYHOLD_TEST_WRITE_TABLE=true npx vitest run ${tests} writes the table`).toEqual(this.#rules.map((rule) => [rule, this.#outcomes.get(rule)]));
    });
  }

  #write(): void {
    const { rule: title, columns } = this.#table;
    const text = readFileSync(this.#file, 'utf8');
    const before = new Map(rowsIn(text).map(({ rule, cells }) => [rule, cells]));
    const at = columns.indexOf(this.#column);
    const rows = this.#rules.map((rule) => {
      const cells = before.get(rule) ?? columns.map(() => '');
      return `| ${[rule, ...cells.with(at, this.#outcomes.get(rule) ?? '')].join(' | ')} |`;
    });
    const table = [`| ${title} | ${columns.join(' | ')} |`, `|---|${columns.map(() => '---').join('|')}|`, ...rows].join('\n');
    writeFileSync(this.#file, text.replace(/(?<=<!-- table -->\n)[^]*(?=<!-- end of the table -->)/u, `${table}\n`));
  }
}

function rowsIn(text: string): readonly { readonly rule: string; readonly cells: readonly string[] }[] {
  const table = /<!-- table -->\n(?<table>[^]*)<!-- end of the table -->/u.exec(text)?.groups?.['table'] ?? '';
  return table
    .split('\n')
    .slice(2)
    .filter((line) => line.startsWith('|'))
    .map((line) => {
      const [rule = '', ...cells] = line.slice(1, -1).split('|').map((cell) => cell.trim());
      return { rule, cells };
    });
}
