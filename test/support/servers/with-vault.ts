import { describe } from 'vitest';
import { builtVault } from './vault-binary.ts';

/** `describe` for tests that start a real Vault: skipped where it could not be built, which the run says at its beginning. */
export const describeWithVault = describe.skipIf(builtVault() === undefined);
