import type { DataKeyRotationRecord } from '../../ports/metadata/sealed.ts';
import type { Grant } from '../access/grant.ts';
import type { DataKeyRotation } from './data-key-rotation.ts';

export interface DataKeyRotationServiceDependencies {
  readonly rotation: DataKeyRotation;
  /** Lets the job begin at once. */
  readonly wake: () => void;
}

/** Rotations of data keys as callers ask for them. */
export class DataKeyRotationService {
  readonly #rotation: DataKeyRotation;
  readonly #wake: () => void;

  constructor({ rotation, wake }: DataKeyRotationServiceDependencies) {
    this.#rotation = rotation;
    this.#wake = wake;
  }

  /** Throws as `DataKeyRotation.begin` does. */
  async begin(grant: Grant, tenant: string | null): Promise<DataKeyRotationRecord> {
    const record = await this.#rotation.begin(grant, tenant);
    this.#wake();
    return record;
  }

  /** undefined when there never was one. */
  async last(grant: Grant): Promise<DataKeyRotationRecord | undefined> {
    grant.use('data-keys.read');
    return this.#rotation.last();
  }
}
