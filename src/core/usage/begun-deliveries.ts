import { KeyholdError } from '../../ports/errors.ts';
import type { UsageRepository } from '../../ports/metadata/usage.ts';
import type { UsageSegment, UsageSegmentKey, UsageSegmentRepository } from '../../ports/metadata/usage-segments.ts';
import { addToSums, type UsageSumsKept } from './add-to-sums.ts';

type Found = UsageSegmentKey & { readonly content: UsageSegment };

/**
 * Which segments of journals on disks are being delivered. A batch and its sums are several writes, and a disk that is lost between them takes along what the others would have
 * been written from: that there is such a batch is said here before, and taken back when all of it stands.
 */
export class BegunDeliveries {
  readonly #segments: UsageSegmentRepository;
  readonly #batches: Pick<UsageRepository, 'getBatch'>;
  readonly #sums: UsageSumsKept;

  constructor({ segments, batches, sums }: { readonly segments: UsageSegmentRepository; readonly batches: Pick<UsageRepository, 'getBatch'>; readonly sums: UsageSumsKept }) {
    this.#segments = segments;
    this.#batches = batches;
    this.#sums = sums;
  }

  /** To be told before the first batch. Rejects as the database does. */
  async begin(key: UsageSegmentKey, tenants: readonly string[]): Promise<void> {
    try {
      await this.#segments.create(key, { kind: 'delivery', starts: [], events: [], withdrawn: [], tenants });
    } catch (error) {
      // By an earlier try: a segment's content never changes.
      if (!(error instanceof KeyholdError && error.code === 'already_exists')) throw error;
    }
  }

  /** All batches stand, and their sums. Rejects as the database does; then `finish` of another replica removes it. */
  async over({ journal, segment }: UsageSegmentKey): Promise<void> {
    await this.#segments.removeBelow({ journal, segment: segment + 1 });
  }

  /**
   * Brings one journal's sums up to what stands of its batches, for a replica from which nothing was heard for a while. Where that lives, it finds done what it was about to do. What
   * has no batch yet was on its disk alone. Rejects as the database does.
   */
  async finish(found: readonly Found[]): Promise<void> {
    for (const { journal, segment, content } of found) {
      for (const tenant of content.tenants ?? []) {
        const batch = await this.#batches.getBatch({ tenant, journal, segment });
        if (batch !== undefined) await addToSums(this.#sums, batch);
      }
      await this.over({ journal, segment });
    }
  }
}
