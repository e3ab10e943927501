import type { Beginning } from './messages.ts';
import type { WorkerLink } from './worker-link.ts';

/** What a process that is one of several on a data folder knows of the others. */
export interface Seat extends Pick<Beginning, 'number' | 'taken' | 'of' | 'rootKey'> {
  readonly link: Pick<WorkerLink, 'channel' | 'ask' | 'lease' | 'answers' | 'tellMetrics' | 'tellRootKey' | 'serving'>;
}
