import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createPrivateFile } from '../adapters/key-wrapper/private-file.ts';
import type { RandomBytes } from '../ports/clock.ts';
import type { SecretValue } from '../ports/secret-value.ts';

/** How the person gets to see a token that was made for them (S28). */
export type HandedOut = { readonly show: SecretValue } | { readonly file: string };

export interface TokenToHandOut {
  readonly token: SecretValue;
  readonly dataDir: string;
  /** A person, and no log collector, reads standard output. */
  readonly isTerminal: boolean;
  readonly random: RandomBytes;
}

/** `admin-token` in the data folder. */
export function adminTokenFile(dataDir: string): string {
  return join(dataDir, 'admin-token');
}

/**
 * Decides where a new administrator's token may be seen: at a terminal it is shown, otherwise it is written to the token file, 0600,
 * in place of an older one (S28). Throws `StartError` 4 or 8 when the file cannot be written.
 */
export async function handOutAdminToken({ token, dataDir, isTerminal, random }: TokenToHandOut): Promise<HandedOut> {
  await removeAdminTokenFile(dataDir);
  if (isTerminal) return { show: token };
  const file = adminTokenFile(dataDir);
  await createPrivateFile(file, `${token.reveal()}\n`, random);
  return { file };
}

/** Removes the token file, if there is one: its token has ended, or another has taken its place. */
export async function removeAdminTokenFile(dataDir: string): Promise<void> {
  await rm(adminTokenFile(dataDir), { force: true });
}
