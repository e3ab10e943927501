import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { SecretValue } from '../../ports/secret-value.ts';
import type { SecretSource } from './secret-source.ts';
import { SignInRefused } from './sign-in.ts';
import { VaultFailure } from './vault-failure.ts';
import type { LinkAnswer, VaultLink } from './vault-link.ts';

const Wrapping = Type.Object({ data: Type.Object({ creation_path: Type.String() }) });
const Unwrapped = Type.Object({ data: Type.Object({ secret_id: Type.String({ minLength: 1 }) }) });

export interface WrappedSecretOptions {
  readonly link: VaultLink;
  readonly source: SecretSource;
  /** Of the AppRole engine that the secret_id belongs to. */
  readonly mount: string;
}

/**
 * A secret_id that arrives response-wrapped (R2.4). It is unwrapped once, after Vault has said that it was wrapped by what makes
 * secret_ids: a token that somebody put in its place would hand us theirs. One that is already unwrapped was seen by somebody else.
 */
export class WrappedSecret {
  readonly #link: VaultLink;
  readonly #source: SecretSource;
  readonly #mount: string;
  #secretId: SecretValue | undefined;
  /** The wrapping token that we have sent to be unwrapped, without an answer yet. */
  #sent: string | undefined;

  constructor({ link, source, mount }: WrappedSecretOptions) {
    this.#link = link;
    this.#source = source;
    this.#mount = mount;
  }

  async read(): Promise<SecretValue> {
    if (this.#secretId === undefined || (await this.#source.isReplaced())) {
      this.#secretId = undefined;
      this.#secretId = await this.#unwrap(await this.#source.read());
    }
    return this.#secretId;
  }

  isReplaced(): Promise<boolean> {
    return this.#source.isReplaced();
  }

  async #unwrap(token: SecretValue): Promise<SecretValue> {
    const found = await this.#link.exchange({ method: 'POST', path: 'sys/wrapping/lookup', body: { token: token.reveal() } });
    if (found.status !== 200) throw this.#sent === token.reveal() ? lostOnTheWay() : alreadyUsed();
    if (!Value.Check(Wrapping, found.body)) throw notVault(found);
    if (!this.#makesSecretIds(found.body.data.creation_path)) {
      throw new SignInRefused(
        'INCIDENT: the wrapped secret_id was not made by the AppRole engine, so somebody may have put it in the place of the real one. It was not unwrapped. Find out who delivered it, then make another one.',
        { isFinal: true },
      );
    }
    this.#sent = token.reveal();
    const unwrapped = await this.#link.exchange({ method: 'POST', path: 'sys/wrapping/unwrap', token });
    if (unwrapped.status !== 200) throw alreadyUsed();
    if (!Value.Check(Unwrapped, unwrapped.body)) throw notVault(unwrapped);
    return new SecretValue(unwrapped.body.data.secret_id);
  }

  #makesSecretIds(path: string): boolean {
    const before = `auth/${this.#mount}/role/`;
    return path.startsWith(before) && /^[^/]+\/secret-id$/u.test(path.slice(before.length));
  }
}

/** Most likely our own unwrapping used the token up, and only its answer never came; Vault's audit log knows. */
function lostOnTheWay(): SignInRefused {
  return new SignInRefused(
    'The answer to our unwrapping of the secret_id was lost with the connection, and the wrapping token is used up. Look for sys/wrapping/unwrap in the audit log of Vault: if that did not come from this machine, somebody else has the secret_id. Destroy it, and make another one.',
    { isFinal: true },
  );
}

function alreadyUsed(): SignInRefused {
  return new SignInRefused(
    'INCIDENT: the wrapped secret_id has expired or was unwrapped before, perhaps by somebody who should not have it. Look for sys/wrapping/unwrap in the audit log of Vault, destroy the secret_ids of the role, and make another one.',
    { isFinal: true },
  );
}

function notVault({ status }: LinkAnswer): VaultFailure {
  return new VaultFailure('not-vault', { mayHaveHappened: true, status });
}
