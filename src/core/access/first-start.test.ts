import { describe, expect, it } from 'vitest';
import { type AccessWorld, createAccessWorld } from '../../../test/support/access-world.ts';
import { createMemoryStore } from '../../adapters/metadata-store/memory/memory-store.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { TokenRecord, TokenRepository } from '../../ports/metadata/access.ts';
import { platformScope } from '../../ports/scope.ts';
import type { SecretValue } from '../../ports/secret-value.ts';
import { makeAdminToken, prepareFirstToken } from './first-start.ts';

const DAY = 86_400_000;

/** A file that holds a text, or not. */
function outlet() {
  const file: { text: string | null } = { text: null };
  return {
    file,
    keep: async (text: SecretValue) => {
      file.text = text.reveal();
    },
    discard: async () => {
      file.text = null;
    },
  };
}

function start(made: AccessWorld, kept = outlet(), adminTokenIsSet = false) {
  return prepareFirstToken({ ...made, outlet: kept, adminTokenIsSet });
}

/** A store in memory whose tokens cannot be made while `fails.create` is set. */
function failingStore(fails: { create: boolean }) {
  const memory = createMemoryStore();
  const tokens: TokenRepository = {
    get: (key) => memory.tokens.get(key),
    list: (scope, page) => memory.tokens.list(scope, page),
    replace: (key, record, revision) => memory.tokens.replace(key, record, revision),
    remove: (key, revision) => memory.tokens.remove(key, revision),
    create: async (key, record) => {
      if (fails.create) throw new KeyholdError('unavailable', 'The process died here.');
      return memory.tokens.create(key, record);
    },
  };
  return { ...memory, tokens };
}

async function tokens(made: AccessWorld): Promise<readonly TokenRecord[]> {
  return (await made.store.tokens.list(platformScope, { limit: 100 })).items.map(({ record }) => record);
}

describe('the first start (S28)', () => {
  it('makes one platform-admin token, audited, that works repeatedly and ends after 24 hours', async () => {
    const made = createAccessWorld();
    const kept = outlet();
    const first = await start(made, kept);
    expect(kept.file.text).toBe(first?.text.reveal());
    expect(first?.expiresAt).toBe(made.clock.now() + DAY);
    const [record] = await tokens(made);
    expect(record).toMatchObject({ name: 'first', origin: 'first', role: 'platform-admin', createdBy: 'first-start' });
    expect(made.rows).toEqual([`intent token.create first-start platform/${record?.id}`, 'outcome ok']);
    const text = first?.text.reveal() ?? '';
    expect((await made.principals.authenticate(text, ['t']))?.actor.role).toBe('platform-admin');
    expect((await made.principals.authenticate(text, ['t']))?.actor.role).toBe('platform-admin');
    made.advance(DAY);
    expect(await made.principals.authenticate(text, ['t'])).toBeUndefined();
  });

  it('happens once: a second start makes nothing', async () => {
    const made = createAccessWorld();
    await start(made);
    expect(await start(made)).toBeUndefined();
    expect(await tokens(made)).toHaveLength(1);
  });

  it('replicas that start at the same moment make one token; the others keep nothing', async () => {
    const made = createAccessWorld();
    const kept = [outlet(), outlet(), outlet()];
    const firsts = await Promise.all(kept.map((one) => start(made, one)));
    expect(firsts.filter((first) => first !== undefined)).toHaveLength(1);
    const texts = kept.map(({ file }) => file.text).filter((text) => text !== null);
    expect(texts).toHaveLength(1);
    expect(await made.principals.authenticate(texts[0] ?? '', ['t'])).toBeDefined();
  });

  it('a start that died before the token was written is completed by the next one, with a new text', async () => {
    const fails = { create: true };
    const made = createAccessWorld(failingStore(fails));
    const kept = outlet();
    await expect(start(made, kept)).rejects.toMatchObject({ code: 'unavailable' });
    const lost = kept.file.text ?? '';
    expect(lost).not.toBe('');
    fails.create = false;
    const first = await start(made, kept);
    expect(kept.file.text).toBe(first?.text.reveal());
    expect(first?.text.reveal()).not.toBe(lost);
    expect(await made.principals.authenticate(lost, ['t'])).toBeUndefined();
    expect(await made.principals.authenticate(first?.text.reveal() ?? '', ['t'])).toBeDefined();
    expect(await tokens(made)).toHaveLength(1);
  });

  it('when the text cannot be kept there is no token, and the next start tries again', async () => {
    const made = createAccessWorld();
    const full = { ...outlet(), keep: () => Promise.reject(new Error('disk full')) };
    await expect(prepareFirstToken({ ...made, outlet: full, adminTokenIsSet: false })).rejects.toThrow('disk full');
    expect(await tokens(made)).toEqual([]);
    expect(await start(made)).toBeDefined();
  });

  it('R10.3: when the log cannot be written there is no token', async () => {
    const made = createAccessWorld();
    made.audit.broken = true;
    const kept = outlet();
    await expect(start(made, kept)).rejects.toMatchObject({ code: 'unavailable' });
    expect(kept.file.text).toBeNull();
    expect(await tokens(made)).toEqual([]);
  });

  it('with KEYHOLD_ADMIN_TOKEN no first token is made, then or later', async () => {
    const made = createAccessWorld();
    expect(await start(made, outlet(), true)).toBeUndefined();
    expect(await start(made)).toBeUndefined();
    expect(await tokens(made)).toEqual([]);
  });
});

describe('keyhold token new-admin (S28)', () => {
  it('makes a platform-admin token that signs in, audited as the command line\'s', async () => {
    const made = createAccessWorld();
    const kept = outlet();
    const id = await makeAdminToken({ ...made, outlet: kept });
    expect((await made.principals.authenticate(kept.file.text ?? '', ['t']))?.actor).toMatchObject({ id, role: 'platform-admin' });
    expect(await tokens(made)).toMatchObject([{ id, origin: 'command', expiresAt: null }]);
    expect(made.rows).toEqual([`intent token.create command-line platform/${id}`, 'outcome ok']);
  });

  it('leaves no token behind whose text could not be kept', async () => {
    const made = createAccessWorld();
    const full = { ...outlet(), keep: () => Promise.reject(new Error('the disk is full')) };
    await expect(makeAdminToken({ ...made, outlet: full })).rejects.toThrow('the disk is full');
    expect(await tokens(made)).toEqual([]);
  });
});
