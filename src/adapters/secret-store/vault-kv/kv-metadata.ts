import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { VaultAnswer } from '../../vault/vault-client.ts';

/** Vault's own number for "as many as I usually keep". */
const USUAL_MAX_VERSIONS = 10;

/** Keys of `custom_metadata`. It belongs to the whole secret, not to a version, so nothing in it proves a put. */
export const customKeys = {
  /** The newest credential version whose put was given up; it, and what is older, must not arrive any more. */
  givenUp: 'keyhold_given_up',
  /** The version in Vault that was written only to rule that put out. */
  fence: 'keyhold_fence',
} as const;

export interface KeptVersion {
  readonly version: number;
  readonly state: 'live' | 'removed' | 'destroyed';
}

export interface KeptVersions {
  /** The newest version in Vault; 0 where nothing was written yet. */
  readonly current: number;
  readonly versions: readonly KeptVersion[];
  /** Of this secret alone; 0 where the engine's setting counts. */
  readonly maxVersions: number;
  readonly givenUp: number;
  readonly fence: number;
  /** Whether Vault knows the name at all. */
  readonly exists: boolean;
}

const Metadata = Type.Object({
  data: Type.Object({
    current_version: Type.Integer({ minimum: 0 }),
    max_versions: Type.Integer({ minimum: 0 }),
    custom_metadata: Type.Optional(Type.Union([Type.Null(), Type.Record(Type.String(), Type.Unknown())])),
    versions: Type.Record(Type.String({ pattern: '^\\d{1,15}$' }), Type.Object({ deletion_time: Type.String(), destroyed: Type.Boolean() })),
  }),
});

const absent: KeptVersions = { current: 0, versions: [], maxVersions: 0, givenUp: 0, fence: 0, exists: false };

/** What an answer to `GET {mount}/metadata/{path}` says; undefined when it is no such answer. */
export function keptVersions({ status, body }: VaultAnswer, now: number): KeptVersions | undefined {
  if (status === 404) return absent;
  if (!Value.Check(Metadata, body)) return undefined;
  const { current_version: current, max_versions: maxVersions, custom_metadata: custom, versions } = body.data;
  return {
    current,
    maxVersions,
    givenUp: numberIn(custom?.[customKeys.givenUp]),
    fence: numberIn(custom?.[customKeys.fence]),
    exists: true,
    versions: Object.entries(versions)
      .map(([version, { deletion_time: removal, destroyed }]) => ({ version: Number(version), state: stateOf(destroyed, removal, now) }))
      .sort((a, b) => a.version - b.version),
  };
}

/** How many versions Vault keeps of a secret, given the engine's setting. */
export function versionsKept({ maxVersions }: KeptVersions, engineMaxVersions: number): number {
  return maxVersions || engineMaxVersions || USUAL_MAX_VERSIONS;
}

/** The versions written after this one that were not destroyed, oldest first. */
export function keptAfter({ versions }: KeptVersions, version: number): readonly KeptVersion[] {
  return versions.filter((kept) => kept.version > version && kept.state !== 'destroyed');
}

/** A time in the future is that of `delete_version_after`. */
function stateOf(destroyed: boolean, removal: string, now: number): KeptVersion['state'] {
  if (destroyed) return 'destroyed';
  return removal !== '' && !(Date.parse(removal) > now) ? 'removed' : 'live';
}

function numberIn(value: unknown): number {
  return typeof value === 'string' && /^\d{1,15}$/u.test(value) ? Number(value) : 0;
}
