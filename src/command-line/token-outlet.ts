import type { AdminTokenFile } from '../adapters/admin-token-file/admin-token-file.ts';
import type { FirstTokenOutlet } from '../core/access/first-start.ts';
import type { SecretValue } from '../ports/secret-value.ts';

/** How a person gets to see a token that was made for them (S28). */
export type HandedOut = { readonly show: SecretValue } | { readonly file: string };

export interface TokenOutlet extends FirstTokenOutlet {
  /** Where the token is that was kept last; undefined when none was, or when it was taken back. */
  handedOut(): HandedOut | undefined;
}

export interface TokenOutletOptions {
  readonly file: AdminTokenFile;
  /** A person, and no log collector, reads standard output. */
  readonly isTerminal: boolean;
}

/** At a terminal a new administrator's token is shown there and nowhere else; otherwise it goes to the file `admin-token` (S28). */
export function tokenOutlet({ file, isTerminal }: TokenOutletOptions): TokenOutlet {
  let kept: HandedOut | undefined;
  return {
    async keep(text) {
      if (isTerminal) {
        kept = { show: text };
      } else {
        await file.keep(text);
        kept = { file: file.path };
      }
    },
    async discard(tokenId) {
      kept = undefined;
      await file.discard(tokenId);
    },
    handedOut: () => kept,
  };
}
