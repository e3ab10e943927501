import { readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';

/**
 * Fails when a part of a guide says anything else than what a test has found out; `KEYHOLD_TEST_WRITE_TABLE=true` writes it instead. The part stands
 * between `<!-- name -->` and `<!-- /name -->`.
 */
export function expectWritten(file: string, name: string, lines: readonly string[]): void {
  const place = new URL(`../../docs/${file}`, import.meta.url);
  const text = readFileSync(place, 'utf8');
  const [begin, end] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/${file} has no part ${name}.`);
  const found = `\n${lines.join('\n')}\n\n`;
  if (process.env['KEYHOLD_TEST_WRITE_TABLE'] === 'true') writeFileSync(place, text.slice(0, from + begin.length) + found + text.slice(to));
  else expect(text.slice(from + begin.length, to), `docs/${file} says something else. Run this test with KEYHOLD_TEST_WRITE_TABLE=true to write it anew`).toBe(found);
}
