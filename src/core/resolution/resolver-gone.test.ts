import { beforeEach, describe, expect, it, vi } from 'vitest';
import { codeOf, type CredentialWorld, createCredentialWorld } from '../../../test/support/credential-world.ts';
import { KeyholdError } from '../../ports/errors.ts';

const own = 'sk-test-own-0123456789';

let world: CredentialWorld;
beforeEach(() => {
  world = createCredentialWorld();
});

const remove = () => world.as('credential.delete', (grant) => world.credentials.remove(grant));

describe('what is said of a value that is gone, and of one that is back', () => {
  it('S11: a read that was under way when its credential was deleted does not say «gone» of it once it is recovered', async () => {
    await world.put(own);
    const asked = Promise.withResolvers<undefined>();
    const removed = Promise.withResolvers<undefined>();
    const get = world.store.get.bind(world.store);
    vi.spyOn(world.store, 'get').mockImplementationOnce(async (reference) => {
      const fields = await get(reference);
      asked.resolve(undefined);
      await removed.promise;
      return fields;
    });
    const served = codeOf(world.served());
    await asked.promise;
    await remove();
    removed.resolve(undefined);
    expect(await served).toBe('no_credential');
    await world.as('credential.recover', (grant) => world.credentials.recover(grant));
    expect(await world.served()).toBe(own);
  });

  it('S11: a value that was gone while its credential was deleted serves as soon as the record says that it is back, also where nothing was announced', async () => {
    await world.put(own);
    world.store.failNext(1, new KeyholdError('unavailable', 'down'), { operation: 'get' });
    expect(await codeOf(world.served())).toBe('unavailable');
    // On another replica, and nothing is heard from it: records are believed for a second.
    vi.spyOn(world.bus, 'publish').mockResolvedValue(undefined);
    Object.defineProperty(world.bus, 'trusted', { value: false });
    await remove();
    expect(await codeOf(world.served())).toBe('no_credential');
    await world.as('credential.recover', (grant) => world.credentials.recover(grant));
    world.clock.advance(1_100);
    expect(await world.served()).toBe(own);
  });
});
