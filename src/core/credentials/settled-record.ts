import { asKeyholdError } from '../../ports/errors.ts';
import type { CredentialKey, CredentialRecord } from '../../ports/metadata/credentials.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import type { CredentialParts } from './credential-parts.ts';
import { busy } from './record-writer.ts';

export interface SettleOptions {
  /** Leave an expired put open whose store cannot be asked: switching a key off does not wait for a store. */
  readonly withoutStore?: boolean;
}

/**
 * The record with no intent open (but for `withoutStore`), as the next write needs it; undefined where there is none. An intent that is still its writer's is
 * `conflict` (R0.3); an expired one is finished first, by proof.
 */
export async function settledRecord(
  { writer, finisher, clock }: Pick<CredentialParts, 'writer' | 'finisher' | 'clock'>,
  key: CredentialKey,
  { withoutStore = false }: SettleOptions = {},
): Promise<Stored<CredentialRecord> | undefined> {
  const found = await writer.get(key);
  const intent = found?.record.intent ?? null;
  if (found === undefined || intent === null) return found;
  if (intent.expires > clock.now()) throw busy();
  let settled: Stored<CredentialRecord>;
  try {
    settled = await finisher.finish(key, found);
  } catch (error) {
    if (!withoutStore || intent.operation !== 'put' || asKeyholdError(error).code === 'conflict') throw error;
    return found;
  }
  if (settled.record.intent !== null) throw busy();
  return settled;
}
