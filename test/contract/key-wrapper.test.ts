import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openKeyFile } from '../../src/adapters/key-wrapper/key-file.ts';
import { openPassphrase } from '../../src/adapters/key-wrapper/passphrase.ts';
import { SecretValue } from '../../src/ports/secret-value.ts';
import { keyWrapperContract } from './key-wrapper-contract.ts';

keyWrapperContract('key-file', {
  create: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'keyhold-test-'));
    const open = (name: string) => openKeyFile({ file: join(folder, name), mayCreate: true, random: randomBytes });
    return { wrapper: await open('one'), again: () => open('one'), other: () => open('other'), close: () => rm(folder, { recursive: true }) };
  },
});

keyWrapperContract('passphrase', {
  create: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'keyhold-test-'));
    const open = (text: string, file: string) => openPassphrase({ passphrase: new SecretValue(text), file: join(folder, file), mayCreate: true, random: randomBytes });
    const one = () => open('test passphrase, not a real one', 'one');
    return { wrapper: await one(), again: one, other: () => open('another test passphrase', 'other'), close: () => rm(folder, { recursive: true }) };
  },
});
