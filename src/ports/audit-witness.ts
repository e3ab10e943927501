/** What a witness is asked (https://c2sp.org/tlog-witness, add-checkpoint). */
export interface WitnessRequest {
  /** The size of the last checkpoint that it is thought to have seen. */
  readonly oldSize: number;
  /** Consistency from there (RFC 6962, 2.1.2); none from size 0 or to the same size. */
  readonly proof: readonly Buffer[];
  /** The signed note. */
  readonly checkpoint: string;
}

export type WitnessAnswer =
  /** Lines of signatures, as they came. */
  | { readonly state: 'cosigned'; readonly lines: string }
  /** It has seen a checkpoint of this size last. */
  | { readonly state: 'elsewhere'; readonly size: number }
  | { readonly state: 'refused'; readonly status: number };

/** Somebody on another machine who signs only heads that go on from all that it has seen of a log (S30). */
export interface AuditWitness {
  /** For messages: where it is. */
  readonly place: string;
  /** Throws `unavailable` when it cannot be reached, does not answer in time, or answers as no witness does. */
  addCheckpoint(request: WitnessRequest): Promise<WitnessAnswer>;
}
