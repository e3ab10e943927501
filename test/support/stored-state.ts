import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { noPreviousRow, rowHash } from '../../src/core/audit/canonical-row.ts';
import type { AuditRow } from '../../src/ports/metadata/audit.ts';
import type { CredentialRecord } from '../../src/ports/metadata/credentials.ts';
import type { SealedValueRecord } from '../../src/ports/metadata/sealed.ts';
import { scopeKey } from '../../src/ports/scope.ts';

/** What stands in the database of a data folder, read past the product. */
export interface StoredState {
  readonly credentials: readonly CredentialRecord[];
  /** Values that could be opened; what only says that a version was given up is left out. */
  readonly sealedValues: readonly StoredValue[];
  /** In the order of the log. */
  readonly auditRows: readonly AuditRow[];
  readonly auditPositions: readonly number[];
}

interface StoredValue {
  /** Scope, service and label. */
  readonly name: string;
  readonly version: number;
  readonly record: SealedValueRecord;
}

/** `dataDir` as the product's options have it. The product may be running. */
export function readStoredState(dataDir: string): StoredState {
  const database = new DatabaseSync(join(dataDir, 'data', 'keyhold.db'), { readOnly: true });
  try {
    const values = database.prepare('SELECT scope, service, label, version, body FROM sealed_values WHERE body IS NOT NULL').all();
    const rows = database.prepare('SELECT position, body FROM audit_rows ORDER BY position').all();
    return {
      credentials: database.prepare('SELECT body FROM credentials WHERE body IS NOT NULL').all().map(({ body }) => JSON.parse(String(body)) as CredentialRecord),
      sealedValues: values
        .map(({ scope, service, label, version, body }) => ({ name: [scope, service, label].map(String).join('/'), version: Number(version), record: JSON.parse(String(body)) as SealedValueRecord }))
        .filter(({ record }) => Object.keys(record.fields).length > 0),
      auditRows: rows.map(({ body }) => JSON.parse(String(body)) as AuditRow),
      auditPositions: rows.map(({ position }) => Number(position)),
    };
  } finally {
    database.close();
  }
}

/** What a crash has left unfinished, in words; empty as it should be after a start. */
export function pendingIn({ credentials, sealedValues }: StoredState): readonly string[] {
  const problems: string[] = [];
  const records = new Map(credentials.map((record) => [nameOf(record), record]));
  for (const [name, { intent, state, current, retired }] of records) {
    if (intent !== null) problems.push(`${name}: the intent of a ${intent.operation} is open`);
    if ((state === 'revoked' || state === 'purged') && retired.length > 0) problems.push(`${name}: the record is ${state}, and a value of it is still to be destroyed`);
    if (current === null || (state !== 'active' && state !== 'deleted')) continue;
    const value = sealedValues.find((candidate) => candidate.name === name && candidate.version === current.version);
    if (value === undefined) problems.push(`${name}: the value of version ${current.version} is gone, and the record is ${state}`);
    else if ((value.record.removedAt !== null) !== (state === 'deleted')) problems.push(`${name}: the record is ${state}, the value's removal is ${value.record.removedAt}`);
  }
  for (const { name, version } of sealedValues) {
    if (!mayKeep(records.get(name), version)) problems.push(`${name}: the value of version ${version} is nobody's`);
  }
  return problems;
}

function mayKeep(record: CredentialRecord | undefined, version: number): boolean {
  if (record === undefined) return false;
  const { state, current, retired } = record;
  return ((state === 'active' || state === 'deleted') && current?.version === version) || retired.some((old) => old.version === version);
}

/** What is wrong with the order and the chains of the log (S30), in words. */
export function chainProblems({ auditRows, auditPositions }: StoredState): readonly string[] {
  const problems: string[] = [];
  if (auditPositions.some((position, index) => position !== index)) problems.push('positions have gaps');
  for (const [replica, rows] of Map.groupBy(auditRows, (row) => row.replica)) {
    let previous = noPreviousRow;
    for (const [index, row] of rows.entries()) {
      if (row.counter !== index + 1) problems.push(`${replica}: row ${index + 1} has the counter ${row.counter}`);
      if (row.previous !== previous) problems.push(`${replica}: row ${row.counter} does not name the one before it`);
      previous = rowHash(row);
    }
  }
  const intents = new Set(auditRows.filter(({ phase }) => phase === 'intent').map(({ id }) => id));
  for (const [intentId, rows] of Map.groupBy(auditRows.filter(({ phase }) => phase === 'outcome'), (row) => row.intentId)) {
    if (rows.length > 1) problems.push(`the intent ${intentId} has ${rows.length} outcomes`);
    // A refusal is its own intent.
    if (!intents.has(intentId) && rows[0]?.id !== intentId) problems.push(`the outcome ${rows[0]?.id} has no intent`);
  }
  if (new Set(auditRows.map(({ id }) => id)).size !== auditRows.length) problems.push('a row is there twice');
  return problems;
}

function nameOf({ scope, service, label }: CredentialRecord): string {
  return `${scopeKey(scope)}/${service}/${label}`;
}
