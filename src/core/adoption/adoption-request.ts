import type { LegacyForm, StoreKind } from '../../ports/secret-store.ts';
import type { SecretValue } from '../../ports/secret-value.ts';

/** What is there already, and is to become a credential (R6.3). */
export type AdoptionSource =
  /** A value that an earlier system has encrypted and that lay in its database: it comes into ours as it is. */
  | { readonly kind: 'value'; readonly form: LegacyForm; readonly text: SecretValue }
  /** What lies in a store under the credential's own name: it stays there. */
  | {
      readonly kind: 'place';
      readonly store: StoreKind;
      /** Where whoever asks believes it to lie, in the store's own words. */
      readonly place?: string | undefined;
      /** Left out: as it looks. */
      readonly form?: LegacyForm | 'plain' | undefined;
    };

export interface AdoptionRequest {
  readonly source: AdoptionSource;
  readonly settings?: Readonly<Record<string, unknown>> | undefined;
  /** Read the value once, to check it and to take hints. */
  readonly read: boolean;
}

export interface AdoptionOutcome {
  /** `adoptable` in a preview alone; `already`: the same is a credential here. */
  readonly outcome: 'adoptable' | 'adopted' | 'already';
  readonly storedIn: StoreKind;
  /** Where it lies there, in the store's own words; null where it has no place of its own. */
  readonly place: string | null;
  readonly legacy?: LegacyForm;
  /** False: nothing proves that the value is as it was written. */
  readonly authenticated: boolean;
  readonly hints: Readonly<Record<string, string>>;
  /** The credential's; null in a preview of what is none yet. */
  readonly version: number | null;
  readonly warnings: readonly string[];
}
