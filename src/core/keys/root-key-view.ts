import type { KeyWrapperKind } from '../../ports/key-wrapper.ts';
import type { RootRecord } from '../crypto/root-key-record.ts';

/** What may be shown of what wraps the root key. */
interface WrappingView {
  readonly wrapper: KeyWrapperKind;
  /** Where the wrapping key is; empty for one of a version that did not note it. */
  readonly place: string;
  readonly wrappedAt: number;
  /** `next`: opens the root key too, and alone once a start has used it. */
  readonly state: 'present' | 'next';
}

export interface RootKeyView {
  readonly rootId: string;
  readonly commitment: string;
  readonly createdAt: number;
  readonly wrappings: readonly WrappingView[];
}

export function rootKeyView({ rootId, commitment, createdAt, wrappings }: RootRecord): RootKeyView {
  const views = wrappings.map(({ kind, place, madeAt }, index): WrappingView => ({ wrapper: kind, place, wrappedAt: madeAt, state: index === 0 ? 'present' : 'next' }));
  return { rootId, commitment, createdAt, wrappings: views };
}
