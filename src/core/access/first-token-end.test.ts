import { describe, expect, it } from 'vitest';
import { createAccessWorld, platformAdmin } from '../../../test/support/access-world.ts';
import { EndFirstToken } from '../../jobs/end-first-token.ts';
import { KeyholdError } from '../../ports/errors.ts';
import { platformScope } from '../../ports/scope.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import { prepareBootstrapToken } from './bootstrap-token.ts';
import { makeAdminToken, prepareFirstToken } from './first-start.ts';
import { FirstTokenEnd } from './first-token-end.ts';
import { Principals } from './principals.ts';

const DAY = 86_400_000;

async function begin() {
  const made = createAccessWorld();
  const file: { text: string | null } = { text: null };
  const outlet = {
    keep: async (kept: SecretValue) => {
      file.text = kept.reveal();
    },
    discard: async () => {
      file.text = null;
    },
  };
  const first = await prepareFirstToken({ ...made, outlet, adminTokenIsSet: false });
  const end = new FirstTokenEnd({ ...made, outlet });
  const principals = new Principals({ ...made, bootstrap: null, adminTokenUsed: () => end.adminTokenUsed() });
  const use = (text: string | undefined) => principals.authenticate(text ?? '', ['t']);
  const create = async (role: string) => {
    const { text } = await made.perform(platformAdmin, 'token.create', { scope: platformScope }, (grant) => made.tokenService.create(grant, { name: 'mine', role }));
    return text?.reveal();
  };
  return { made, file, end, use, create, text: first?.text.reveal() };
}

describe('the end of the first token (S28)', () => {
  it('comes with the first use of a platform-admin token made by the API, with its file, once, audited', async () => {
    const { made, file, use, create, text } = await begin();
    const mine = await create('platform-admin');
    expect(await use(text)).toBeDefined();
    expect(file.text).toBe(text);
    made.rows.length = 0;
    await Promise.all([use(mine), use(mine), use(mine)]);
    expect(await use(text)).toBeUndefined();
    expect(file.text).toBeNull();
    expect(made.rows.map((row) => row.split('/')[0])).toEqual(['intent token.revoke first-token platform', 'outcome ok']);
    await use(mine);
    expect(made.rows).toHaveLength(2);
  });

  it('does not come with other tokens, nor with an API token that is made and not used', async () => {
    const { made, file, use, create, text } = await begin();
    await create('platform-admin');
    expect(await use(await create('platform-operator'))).toBeDefined();
    const kept = { text: '' };
    await makeAdminToken({ ...made, outlet: { keep: async (made) => void (kept.text = made.reveal()), discard: async () => undefined } });
    expect(await use(kept.text)).toBeDefined();
    expect(await use(text)).toBeDefined();
    expect(file.text).not.toBeNull();
  });

  it('is tried again at the next use when it fails, and the request goes on', async () => {
    const { made, file, use, create, text } = await begin();
    const mine = await create('platform-admin');
    made.audit.broken = true;
    expect(await use(mine)).toBeDefined();
    expect(await use(text)).toBeDefined();
    made.audit.broken = false;
    await use(mine);
    expect(await use(text)).toBeUndefined();
    expect(file.text).toBeNull();
  });

  it('after 24 hours the file goes too', async () => {
    const { made, file, end } = await begin();
    made.advance(DAY - 1);
    expect(await end.tidyUp()).toBe(false);
    expect(file.text).not.toBeNull();
    made.advance(1);
    expect(await end.tidyUp()).toBe(true);
    expect(file.text).toBeNull();
  });

  it('the job removes a file that a start finds out of date', async () => {
    const { made, file, end } = await begin();
    made.advance(DAY);
    const job = new EndFirstToken({ firstToken: end, log: made.log });
    job.start();
    await job.stop();
    expect(file.text).toBeNull();
  });

  it('the job survives a database that does not answer', async () => {
    const { made, file } = await begin();
    const job = new EndFirstToken({ firstToken: { tidyUp: () => Promise.reject(new KeyholdError('unavailable', 'Down.')) }, log: made.log });
    job.start();
    await job.stop();
    expect(file.text).not.toBeNull();
  });

  it('where there never was a first token there is nothing to end', async () => {
    const made = createAccessWorld();
    const outlet = { keep: async () => {}, discard: async () => {} };
    await prepareFirstToken({ ...made, outlet, adminTokenIsSet: true });
    await prepareBootstrapToken({ ...made, adminToken: new SecretValue('an administrator chose this text of 44 signs') });
    const end = new FirstTokenEnd({ ...made, outlet });
    await end.adminTokenUsed();
    expect(await end.tidyUp()).toBe(true);
    expect((await made.store.tokens.get({ id: 'bootstrap' }))?.record.revokedAt).toBeNull();
  });
});
