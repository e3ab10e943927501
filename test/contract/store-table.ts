import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const file = new URL('../../docs/stores.md', import.meta.url);
const POSSIBLE = 'yes';

/** The columns of the table in docs/stores.md, in their order. */
const columns = ['encrypted database', 'HashiCorp Vault', 'Azure Key Vault', 'the fake for unit tests'] as const;

export type StoreColumn = (typeof columns)[number];

/**
 * One adapter's column of the table in docs/stores.md: every rule of the suite, and why it is not possible there where it is not. The last test of the suite
 * fails when the committed table says anything else than this run. `KEYHOLD_TEST_WRITE_TABLE=true` writes it instead.
 */
export class StoreTable {
  readonly #column: StoreColumn;
  readonly #outcomes = new Map<string, string>();
  readonly #rules: string[] = [];

  constructor(column: StoreColumn) {
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
    it('the table in docs/stores.md says what this run has shown', ({ skip }) => {
      if (this.#outcomes.size < this.#rules.length) skip('only a part of the suite was run');
      if (process.env['KEYHOLD_TEST_WRITE_TABLE'] === 'true') this.#write();
      const written = rowsIn(readFileSync(file, 'utf8'));
      const at = columns.indexOf(this.#column);
      expect(written.map(({ rule, cells }) => [rule, cells[at]]), 'KEYHOLD_TEST_WRITE_TABLE=true npx vitest run test/contract/secret-store writes the table').toEqual(this.#rules.map((rule) => [rule, this.#outcomes.get(rule)]));
    });
  }

  #write(): void {
    const text = readFileSync(file, 'utf8');
    const before = new Map(rowsIn(text).map(({ rule, cells }) => [rule, cells]));
    const at = columns.indexOf(this.#column);
    const rows = this.#rules.map((rule) => {
      const cells = before.get(rule) ?? columns.map(() => '');
      return `| ${[rule, ...cells.with(at, this.#outcomes.get(rule) ?? '')].join(' | ')} |`;
    });
    const table = [`| A rule of every store | ${columns.join(' | ')} |`, `|---|${columns.map(() => '---').join('|')}|`, ...rows].join('\n');
    writeFileSync(file, text.replace(/(?<=<!-- table -->\n)[^]*(?=<!-- end of the table -->)/u, `${table}\n`));
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
