import { type Static, Type } from 'typebox';
import type { MigrationOutcome } from '../../core/adoption/legacy-migration.ts';
import { legacyForm, storeKind } from './adoption.ts';

export const migrationSchema = Type.Object({
  outcome: Type.Enum(['migratable', 'migrated', 'already'], { description: 'migratable: in a preview, what would be migrated; already: no earlier system has encrypted it (any more), and nothing was changed.' }),
  storedIn: storeKind,
  legacy: Type.Optional(legacyForm),
  authenticated: Type.Boolean({ description: 'false: nothing proved that the value is as it was written. Replace the key at its provider.' }),
  hints: Type.Record(Type.String(), Type.String()),
  warnings: Type.Array(Type.String()),
});

export function migrationBody({ hints, warnings, ...rest }: MigrationOutcome): Static<typeof migrationSchema> {
  return { ...rest, hints: { ...hints }, warnings: [...warnings] };
}
