import { visibleText } from '../adapters/log/visible-text.ts';
import type { ItemResult, RunReport } from './item-result.ts';

const WIDEST = 40;
const encryptedBy: Readonly<Record<string, string>> = { cipher: 'iv:salt:ciphertext', fernet: 'Fernet' };

/** A report for people: a table with masked keys, a line for everything that was refused or failed, the sums, and what to do now. */
export function reportText({ dryRun, totals, advice, items }: RunReport): string {
  const sums = Object.entries(totals).map(([outcome, count]) => `${count} ${outcome}`);
  return [
    ...table([['TENANT', 'SERVICE', 'LABEL', 'FROM', 'STORED IN', 'ENCRYPTED BY', 'KEY', 'OUTCOME'], ...items.map(rowOf)]),
    ...section('', items.flatMap(linesOf)),
    '',
    `${items.length === 0 ? 'Nothing was found' : sums.join(', ')}.${dryRun ? ' This was a dry run: nothing was changed.' : ''}`,
    ...section('', advice),
    '',
  ].join('\n');
}

function rowOf({ tenant, service, label, from, storedIn = '', legacy, authenticated, hints = {}, outcome }: ItemResult): readonly string[] {
  const encryption = legacy === undefined ? '' : `${encryptedBy[legacy] ?? legacy}${authenticated === false ? ', unauthenticated' : ''}`;
  return [tenant ?? (service === '' ? '' : '(platform)'), service, label, from, storedIn, encryption, masked(hints), outcome];
}

/** `…6789`; `…` where nothing of it may be shown. */
function masked(hints: Readonly<Record<string, string>>): string {
  return Object.values(hints)
    .map((hint) => `…${hint}`)
    .join(' ');
}

function linesOf({ from, tenant, service, reason, warnings = [] }: ItemResult): readonly string[] {
  const what = visibleText([from, [tenant, service].filter((part) => part !== null && part !== '').join('/')].filter((part) => part !== '').join(', '));
  return [...(reason === undefined ? [] : [`${what}: ${visibleText(reason)}`]), ...warnings.map((warning) => `${what}: ${visibleText(warning)}`)];
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [title, ...lines];
}

function table(rows: readonly (readonly string[])[]): readonly string[] {
  const cells = rows.map((row) => row.map((cell) => shortened(visibleText(cell))));
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd());
}

function shortened(cell: string): string {
  return cell.length > WIDEST ? `${cell.slice(0, WIDEST - 1)}…` : cell;
}
