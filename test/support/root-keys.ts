import { createSecretKey, randomBytes } from 'node:crypto';
import { openEnvelope, sealEnvelope } from '../../src/core/crypto/envelope.ts';
import { loadOrCreateRootKey } from '../../src/core/crypto/root-key-record.ts';
import type { RootKey } from '../../src/core/crypto/root-key.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { KeyWrapper, RootPin } from '../../src/ports/key-wrapper.ts';
import type { PlatformRepository } from '../../src/ports/metadata/sealed.ts';

/** A wrapping key in memory. */
export function memoryWrapper(place: string, kind: KeyWrapper['kind'] = 'key-file'): KeyWrapper {
  const key = createSecretKey(randomBytes(32));
  return {
    kind,
    place,
    wrap: async (rootKey, aad) => sealEnvelope({ key, purpose: 'root-key', aad }, rootKey, randomBytes),
    unwrap: async (wrapped, aad) => openEnvelope({ key, purpose: 'root-key', aad }, wrapped),
  };
}

/** What stands outside the database, in memory. */
export class MemoryPin implements RootPin {
  readonly place: string;
  pinned: string | undefined;

  constructor(place = 'keyhold.key.root') {
    this.place = place;
  }

  async read(): Promise<string | undefined> {
    return this.pinned;
  }

  async write(commitment: string): Promise<void> {
    if (this.pinned !== undefined && this.pinned !== commitment) throw new Error('another root key is pinned');
    this.pinned = commitment;
  }
}

/** A root key that a first start has made. */
export async function madeRootKey(platform: PlatformRepository, clock: Clock): Promise<{ readonly root: RootKey; readonly wrapper: KeyWrapper; readonly pin: MemoryPin }> {
  const [wrapper, pin] = [memoryWrapper('/etc/keyhold.key'), new MemoryPin()];
  const { root } = await loadOrCreateRootKey({ platform, wrapper, pin, random: randomBytes, clock, mayCreate: true });
  return { root, wrapper, pin };
}
