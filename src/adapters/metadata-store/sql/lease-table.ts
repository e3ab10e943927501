import type { LeaseRecord } from '../../../ports/metadata/leases.ts';
import type { RecordTable } from './record-table.ts';

export const leaseTable: RecordTable<{ readonly name: string }, LeaseRecord> = {
  name: 'leases',
  keyColumns: ['name'],
  keyOf: ({ name }) => ({ name }),
  indexColumns: [],
  indexOf: () => ({}),
};
